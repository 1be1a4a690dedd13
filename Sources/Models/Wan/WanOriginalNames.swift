extension WanTransformer {
    /// What the published code calls a module, or a parameter that belongs to none, of the transformer; nil for a name
    /// that is no module's.
    ///
    /// Diffusers swapped two names: the norm before cross-attention, the only one of a block with weights, is norm3
    /// there and norm2 here.
    package static func originalName(_ name: String) -> String? {
        let parts = name.split(separator: ".", maxSplits: 2)
        guard parts.count == 3, parts[0] == "blocks" else { return outside[name] }
        return inBlocks[String(parts[2])].map { "blocks.\(parts[1]).\($0)" }
    }

    private static let outside = [
        "condition_embedder.text_embedder.linear_1": "text_embedding.0",
        "condition_embedder.text_embedder.linear_2": "text_embedding.2",
        "condition_embedder.time_embedder.linear_1": "time_embedding.0",
        "condition_embedder.time_embedder.linear_2": "time_embedding.2",
        "condition_embedder.time_proj": "time_projection.1",
        "condition_embedder.image_embedder.norm1": "img_emb.proj.0",
        "condition_embedder.image_embedder.ff.net.0.proj": "img_emb.proj.1",
        "condition_embedder.image_embedder.ff.net.2": "img_emb.proj.3",
        "condition_embedder.image_embedder.norm2": "img_emb.proj.4",
        "condition_embedder.image_embedder.pos_embed": "img_emb.emb_pos",
        "patch_embedding": "patch_embedding", "proj_out": "head.head", "scale_shift_table": "head.modulation",
    ]

    private static let inBlocks = [
        "attn1.to_q": "self_attn.q", "attn1.to_k": "self_attn.k", "attn1.to_v": "self_attn.v",
        "attn1.to_out.0": "self_attn.o", "attn1.norm_q": "self_attn.norm_q", "attn1.norm_k": "self_attn.norm_k",
        "attn2.to_q": "cross_attn.q", "attn2.to_k": "cross_attn.k", "attn2.to_v": "cross_attn.v",
        "attn2.to_out.0": "cross_attn.o", "attn2.norm_q": "cross_attn.norm_q", "attn2.norm_k": "cross_attn.norm_k",
        "attn2.add_k_proj": "cross_attn.k_img", "attn2.add_v_proj": "cross_attn.v_img",
        "attn2.norm_added_k": "cross_attn.norm_k_img", "norm2": "norm3", "ffn.net.0.proj": "ffn.0",
        "ffn.net.2": "ffn.2", "scale_shift_table": "modulation",
    ]
}

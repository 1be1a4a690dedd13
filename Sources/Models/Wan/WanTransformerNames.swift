package import Weights

extension KeyTable {
    /// A Wan transformer as its authors, ComfyUI and files of GGUF name it.
    ///
    /// The norm in front of cross-attention, the only one with weights, is the third there and the second here.
    package static let wanTransformer = KeyTable(
        layout: "original names",
        rows: [
            Row("patch_embedding.weight", "patch_embedding.weight", isReshaped: true),
            Row("patch_embedding", "patch_embedding"),
            Row("proj_out", "head.head"),
            Row("scale_shift_table", "head.modulation", isReshaped: true),
        ]
            + Row.below(
                "condition_embedder", "",
                [
                    Row("text_embedder.linear_1", "text_embedding.0"),
                    Row("text_embedder.linear_2", "text_embedding.2"),
                    Row("time_embedder.linear_1", "time_embedding.0"),
                    Row("time_embedder.linear_2", "time_embedding.2"),
                    Row("time_proj", "time_projection.1"),
                    Row("image_embedder.norm1", "img_emb.proj.0"),
                    Row("image_embedder.ff.net.0.proj", "img_emb.proj.1"),
                    Row("image_embedder.ff.net.2", "img_emb.proj.3"),
                    Row("image_embedder.norm2", "img_emb.proj.4"),
                    Row("image_embedder.pos_embed", "img_emb.emb_pos"),
                ])
            + Row.below(
                "blocks.*", "blocks.*",
                attention("attn1", "self_attn") + attention("attn2", "cross_attn") + [
                    Row("scale_shift_table", "modulation", isReshaped: true),
                    Row("attn2.add_k_proj", "cross_attn.k_img"),
                    Row("attn2.add_v_proj", "cross_attn.v_img"),
                    Row("attn2.norm_added_k", "cross_attn.norm_k_img"),
                    Row("norm2", "norm3"),
                    Row("ffn.net.0.proj", "ffn.0"),
                    Row("ffn.net.2", "ffn.2"),
                ]),
        ignored: [IgnoredKey("*.norm_added_q.weight", reason: "left by converters; no layer has such a norm")],
        foreign: foreign)

    /// The same as Diffusers names it, in a file by itself.
    package static let wanTransformerOfDiffusers = KeyTable(
        own: "names of Diffusers",
        ignored: [IgnoredKey("*.norm_added_q.weight", reason: "left by converters; no layer has such a norm")],
        foreign: foreign)

    private static func attention(_ name: String, _ stored: String) -> [Row] {
        Row.below(
            name, stored,
            [
                Row("to_q", "q"), Row("to_k", "k"), Row("to_v", "v"), Row("to_out.0", "o"), Row("norm_q", "norm_q"),
                Row("norm_k", "norm_k"),
            ])
    }

    private static let foreign = [
        Foreign("vace_", "VACE"), Foreign("control_adapter", "a model with a camera"),
        Foreign("casual_audio_encoder", "speech to video"), Foreign("audio_proj", "HuMo"),
        Foreign("face_adapter", "Animate"), Foreign("motion_encoder", "Animate"),
        Foreign("face_encoder", "Animate"), Foreign("ref_conv", "a model with reference pictures"),
        Foreign("attn_op.local_attn.proj_l", "sparse-linear attention (SLA)"),
        Foreign("to_gate_compress", "sparse attention (VSA)"),
    ]
}

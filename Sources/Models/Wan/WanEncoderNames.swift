package import Weights

extension KeyTable {
    /// The umT5 of Wan as its authors name it.
    package static let wanTextEncoder = KeyTable(
        layout: "original names",
        rows: [
            Row("shared", "token_embedding"), Row("encoder.final_layer_norm", "norm"),
        ]
            + Row.below(
                "encoder.block.*.layer", "blocks.*",
                [
                    Row("0.layer_norm", "norm1"),
                    Row("0.SelfAttention.relative_attention_bias", "pos_embedding.embedding"),
                    Row("0.SelfAttention", "attn"),
                    Row("1.layer_norm", "norm2"),
                    Row("1.DenseReluDense.wi_0", "ffn.gate.0"),
                    Row("1.DenseReluDense.wi_1", "ffn.fc1"),
                    Row("1.DenseReluDense.wo", "ffn.fc2"),
                ]))

    /// CLIP's vision tower as Wan's authors keep it, beside a text tower: queries, keys and values are one matrix.
    package static let wanImageEncoder = KeyTable(
        layout: "original names",
        rows: [
            Row("embeddings.class_embedding", "visual.cls_embedding", isReshaped: true),
            Row("embeddings.position_embedding.weight", "visual.pos_embedding", isReshaped: true),
            Row("embeddings.patch_embedding", "visual.patch_embedding"),
            Row("pre_layrnorm", "visual.pre_norm"),
            Row("post_layernorm", "visual.post_norm"),
        ]
            + Row.below(
                "encoder.layers.*", "visual.transformer.*",
                ["q", "k", "v"].enumerated().map { index, name in
                    Row("self_attn.\(name)_proj", "attn.to_qkv", part: (index, 3))
                } + [
                    Row("self_attn.out_proj", "attn.proj"),
                    Row("layer_norm1", "norm1"), Row("layer_norm2", "norm2"),
                    Row("mlp.fc1", "mlp.0"), Row("mlp.fc2", "mlp.2"),
                ]),
        ignored: [
            IgnoredKey("visual.head", reason: "hidden states do not pass it"),
            IgnoredKey("log_scale", reason: "of training"),
            IgnoredKey("textual.*", reason: "the text tower"),
        ])
}

package import Weights

extension KeyTable {
    /// T5 and umT5 as llama.cpp names them.
    package static let t5OfGGUF = KeyTable(
        layout: "names of llama.cpp",
        rows: [
            Row("shared", "token_embd"), Row("encoder.final_layer_norm", "enc.output_norm"),
        ]
            + Row.below(
                "encoder.block.*.layer", "enc.blk.*",
                [
                    Row("0.layer_norm", "attn_norm"),
                    Row("0.SelfAttention.q", "attn_q"), Row("0.SelfAttention.k", "attn_k"),
                    Row("0.SelfAttention.v", "attn_v"), Row("0.SelfAttention.o", "attn_o"),
                    Row("0.SelfAttention.relative_attention_bias", "attn_rel_b"),
                    Row("1.layer_norm", "ffn_norm"),
                    Row("1.DenseReluDense.wi_0", "ffn_gate"),
                    Row("1.DenseReluDense.wi_1", "ffn_up"),
                    Row("1.DenseReluDense.wo", "ffn_down"),
                ]))

    /// As Hugging Face names them, in a file by itself, as ComfyUI has it.
    package static let t5OfHuggingFace = KeyTable(
        own: "names of Hugging Face",
        ignored: [IgnoredKey("spiece_model", reason: "the tokenizer")])
}

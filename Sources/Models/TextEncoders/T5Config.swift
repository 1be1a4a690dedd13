package import Weights

/// The numbers of a T5 v1.1 or umT5 encoder, from `text_encoder/config.json`.
package struct T5Config: Decodable, Sendable {
    package let vocabSize: Int
    package let dModel: Int
    package let dKv: Int
    package let dFf: Int
    package let numLayers: Int
    package let numHeads: Int
    package let relativeAttentionNumBuckets: Int
    package let relativeAttentionMaxDistance: Int
    package let layerNormEpsilon: Float
    package let feedForwardProj: String
    package let modelType: String

    /// umT5 keeps one table of position biases in each layer, T5 one in the first for all.
    package var hasBiasInEveryLayer: Bool { modelType == "umt5" }

    package var inner: Int { numHeads * dKv }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case vocabSize = "vocab_size"
        case dModel = "d_model"
        case dKv = "d_kv"
        case dFf = "d_ff"
        case numLayers = "num_layers"
        case numHeads = "num_heads"
        case relativeAttentionNumBuckets = "relative_attention_num_buckets"
        case relativeAttentionMaxDistance = "relative_attention_max_distance"
        case layerNormEpsilon = "layer_norm_epsilon"
        case feedForwardProj = "feed_forward_proj"
        case modelType = "model_type"
    }

    /// What is left out is what UMT5Config or T5Config takes.
    package init(from decoder: any Decoder) throws {
        let read = try decoder.container(keyedBy: CodingKeys.self)
        modelType = try read(.modelType, "umt5")
        let isT5 = modelType == "t5"
        vocabSize = try read(.vocabSize, isT5 ? 32128 : 250112)
        dModel = try read(.dModel, 512)
        dKv = try read(.dKv, 64)
        dFf = try read(.dFf, isT5 ? 2048 : 1024)
        numLayers = try read(.numLayers, isT5 ? 6 : 8)
        numHeads = try read(.numHeads, isT5 ? 8 : 6)
        relativeAttentionNumBuckets = try read(.relativeAttentionNumBuckets, 32)
        relativeAttentionMaxDistance = try read(.relativeAttentionMaxDistance, 128)
        layerNormEpsilon = try read(.layerNormEpsilon, 1e-6)
        feedForwardProj = try read(.feedForwardProj, isT5 ? "relu" : "gated-gelu")
    }

    /// The rest is about training, decoding and the looks of results, or a default of every transformers model.
    package static let fields = FieldTable(
        read: CodingKeys.allCases.map(\.rawValue),
        harmless: [
            "architectures", "bos_token_id", "chunk_size_feed_forward", "classifier_dropout", "decoder_start_token_id",
            "dropout_rate", "dtype", "eos_token_id", "gradient_checkpointing", "id2label", "initializer_factor",
            "is_encoder_decoder", "label2id", "max_length", "n_positions", "num_beams",
            "num_decoder_layers", "output_attentions", "output_hidden_states", "output_past", "pad_token_id",
            "problem_type", "return_dict", "scalable_attention", "scale_decoder_outputs", "task_specific_params",
            "tie_word_embeddings", "tokenizer_class", "torch_dtype", "transformers_version", "use_cache",
        ],
        fixed: ["dense_act_fn": ["gelu_new"], "is_gated_act": [true], "is_decoder": [false]])

    /// Checks every number against what can be run.
    package func validate(_ fields: ConfigFields) throws(WeightError) {
        try fields.whole(vocabSize, "vocab_size", in: 2...4_000_000)
        try fields.positive(dModel, "d_model", limit: 65536)
        try fields.positive(dKv, "d_kv", limit: 1024)
        try fields.positive(dFf, "d_ff", limit: 1_000_000)
        try fields.positive(numLayers, "num_layers", limit: 512)
        try fields.positive(numHeads, "num_heads", limit: 1024)
        try fields.multiple(relativeAttentionNumBuckets, "relative_attention_num_buckets", of: 4, limit: 4096)
        try fields.whole(
            relativeAttentionMaxDistance, "relative_attention_max_distance",
            in: relativeAttentionNumBuckets / 4 + 1...1_000_000)
        try fields.real(Double(layerNormEpsilon), "layer_norm_epsilon", in: 0...1)
        try fields.oneOf(["gated-gelu"], feedForwardProj, "feed_forward_proj")
        try fields.oneOf(["umt5", "t5"], modelType, "model_type")
    }
}

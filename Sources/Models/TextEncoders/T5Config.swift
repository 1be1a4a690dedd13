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

    private enum CodingKeys: String, CodingKey {
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

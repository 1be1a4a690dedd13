package import Compute
package import Weights

/// The numbers of a CLIP vision tower, from `image_encoder/config.json`.
package struct CLIPVisionConfig: Decodable, Sendable {
    package let hiddenSize: Int
    package let intermediateSize: Int
    package let numHiddenLayers: Int
    package let numAttentionHeads: Int
    package let numChannels: Int
    package let imageSize: Int
    package let patchSize: Int
    package let hiddenAct: String
    package let layerNormEps: Float

    /// Tokens of one picture: its patches and the one that stands for all.
    package var tokens: Int { (imageSize / patchSize) * (imageSize / patchSize) + 1 }
    /// Layers that have to run: hidden states are read in front of the last.
    package var layersRead: Int { numHiddenLayers - 1 }
    package var activation: GELU { hiddenAct == "quick_gelu" ? .quick : .exact }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case hiddenSize = "hidden_size"
        case intermediateSize = "intermediate_size"
        case numHiddenLayers = "num_hidden_layers"
        case numAttentionHeads = "num_attention_heads"
        case numChannels = "num_channels"
        case imageSize = "image_size"
        case patchSize = "patch_size"
        case hiddenAct = "hidden_act"
        case layerNormEps = "layer_norm_eps"
    }

    /// What is left out is what transformers' CLIPVisionConfig takes.
    package init(from decoder: any Decoder) throws {
        let read = try decoder.container(keyedBy: CodingKeys.self)
        hiddenSize = try read(.hiddenSize, 768)
        intermediateSize = try read(.intermediateSize, 3072)
        numHiddenLayers = try read(.numHiddenLayers, 12)
        numAttentionHeads = try read(.numAttentionHeads, 12)
        numChannels = try read(.numChannels, 3)
        imageSize = try read(.imageSize, 224)
        patchSize = try read(.patchSize, 32)
        hiddenAct = try read(.hiddenAct, "quick_gelu")
        layerNormEps = try read(.layerNormEps, 1e-5)
    }

    /// The rest is about training, a projection that hidden states do not pass, or the looks of results.
    package static let fields = FieldTable(
        read: CodingKeys.allCases.map(\.rawValue),
        harmless: [
            "architectures", "attention_dropout", "chunk_size_feed_forward", "dropout", "dtype", "id2label",
            "initializer_factor", "initializer_range", "is_encoder_decoder", "label2id", "output_attentions",
            "output_hidden_states", "problem_type", "projection_dim", "return_dict", "torch_dtype",
            "transformers_version",
        ],
        fixed: ["model_type": ["clip_vision_model"]])

    /// Checks every number against what can be run.
    package func validate(_ fields: ConfigFields) throws(WeightError) {
        try fields.positive(numAttentionHeads, "num_attention_heads", limit: 1024)
        try fields.multiple(hiddenSize, "hidden_size", of: numAttentionHeads, limit: 65536)
        try fields.positive(intermediateSize, "intermediate_size", limit: 1_000_000)
        try fields.whole(numHiddenLayers, "num_hidden_layers", in: 2...512)
        try fields.oneOf([3], numChannels, "num_channels")
        try fields.positive(patchSize, "patch_size", limit: 1024)
        try fields.whole(imageSize, "image_size", in: patchSize...4096)
        guard tokens <= 65536 else {
            throw fields.failure("patch_size", patchSize, "such that there are 65536 tokens or fewer")
        }
        try fields.oneOf(["gelu", "quick_gelu"], hiddenAct, "hidden_act")
        try fields.real(Double(layerNormEps), "layer_norm_eps", in: 0...1)
    }
}

package import Weights

/// The numbers of a CogVideoX transformer, from `transformer/config.json`.
package struct CogVideoXTransformerConfig: Decodable, Sendable {
    package let numAttentionHeads: Int
    package let attentionHeadDim: Int
    package let inChannels: Int
    package let outChannels: Int
    package let flipSinToCos: Bool
    package let freqShift: Int
    package let timeEmbedDim: Int
    /// Width of the embedding of a number beside the timestep, always 2; 0 where there is none.
    package let ofsEmbedDim: Int
    package let textEmbedDim: Int
    package let numLayers: Int
    package let attentionBias: Bool
    package let sampleWidth: Int
    package let sampleHeight: Int
    package let sampleFrames: Int
    package let patchSize: Int
    /// Patch length in time of CogVideoX 1.5; nil where patches are flat.
    package let patchSizeT: Int?
    package let temporalCompressionRatio: Int
    package let maxTextSeqLength: Int
    package let normEps: Float
    package let spatialInterpolationScale: Float
    package let temporalInterpolationScale: Float
    package let useRotaryPositionalEmbeddings: Bool
    package let useLearnedPositionalEmbeddings: Bool
    package let patchBias: Bool

    package var dim: Int { numAttentionHeads * attentionHeadDim }
    package var patchTime: Int { patchSizeT ?? 1 }
    /// Whether the input holds the latents of a picture beside those of the clip.
    package var takesPicture: Bool { inChannels == 2 * outChannels }
    /// The projection of longer patches has a bias whatever the field says.
    var hasPatchBias: Bool { patchSizeT != nil || patchBias }
    /// What the offset embedding is told.
    static let offset: Float = 2

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case numAttentionHeads = "num_attention_heads"
        case attentionHeadDim = "attention_head_dim"
        case inChannels = "in_channels"
        case outChannels = "out_channels"
        case flipSinToCos = "flip_sin_to_cos"
        case freqShift = "freq_shift"
        case timeEmbedDim = "time_embed_dim"
        case ofsEmbedDim = "ofs_embed_dim"
        case textEmbedDim = "text_embed_dim"
        case numLayers = "num_layers"
        case attentionBias = "attention_bias"
        case sampleWidth = "sample_width"
        case sampleHeight = "sample_height"
        case sampleFrames = "sample_frames"
        case patchSize = "patch_size"
        case patchSizeT = "patch_size_t"
        case temporalCompressionRatio = "temporal_compression_ratio"
        case maxTextSeqLength = "max_text_seq_length"
        case normEps = "norm_eps"
        case spatialInterpolationScale = "spatial_interpolation_scale"
        case temporalInterpolationScale = "temporal_interpolation_scale"
        case useRotaryPositionalEmbeddings = "use_rotary_positional_embeddings"
        case useLearnedPositionalEmbeddings = "use_learned_positional_embeddings"
        case patchBias = "patch_bias"
    }

    /// What is left out is what CogVideoXTransformer3DModel takes.
    package init(from decoder: any Decoder) throws {
        let read = try decoder.container(keyedBy: CodingKeys.self)
        numAttentionHeads = try read(.numAttentionHeads, 30)
        attentionHeadDim = try read(.attentionHeadDim, 64)
        inChannels = try read(.inChannels, 16)
        outChannels = try read(.outChannels, 16)
        flipSinToCos = try read(.flipSinToCos, true)
        freqShift = try read(.freqShift, 0)
        timeEmbedDim = try read(.timeEmbedDim, 512)
        ofsEmbedDim = try read(.ofsEmbedDim, 0)
        textEmbedDim = try read(.textEmbedDim, 4096)
        numLayers = try read(.numLayers, 30)
        attentionBias = try read(.attentionBias, true)
        sampleWidth = try read(.sampleWidth, 90)
        sampleHeight = try read(.sampleHeight, 60)
        sampleFrames = try read(.sampleFrames, 49)
        patchSize = try read(.patchSize, 2)
        patchSizeT = try read.decodeIfPresent(Int.self, forKey: .patchSizeT)
        temporalCompressionRatio = try read(.temporalCompressionRatio, 4)
        maxTextSeqLength = try read(.maxTextSeqLength, 226)
        normEps = try read(.normEps, 1e-5)
        spatialInterpolationScale = try read(.spatialInterpolationScale, 1.875)
        temporalInterpolationScale = try read(.temporalInterpolationScale, 1)
        useRotaryPositionalEmbeddings = try read(.useRotaryPositionalEmbeddings, false)
        useLearnedPositionalEmbeddings = try read(.useLearnedPositionalEmbeddings, false)
        patchBias = try read(.patchBias, true)
    }

    package static let fields = FieldTable(
        read: CodingKeys.allCases.map(\.rawValue), harmless: ["dropout"],
        fixed: [
            "activation_fn": ["gelu-approximate"], "timestep_activation_fn": ["silu"],
            "norm_elementwise_affine": [true],
        ])

    /// Checks every number against what can be run.
    package func validate(_ fields: ConfigFields) throws(WeightError) {
        try fields.positive(numAttentionHeads, "num_attention_heads", limit: 1024)
        try fields.multiple(attentionHeadDim, "attention_head_dim", of: 8, limit: 1024)
        try fields.multiple(dim, "num_attention_heads * attention_head_dim", of: 16, limit: 65536)
        try fields.positive(outChannels, "out_channels", limit: 4096)
        try fields.oneOf([outChannels, 2 * outChannels], inChannels, "in_channels")
        try fields.whole(freqShift, "freq_shift", in: 0...min(1, dim / 2 - 1))
        try fields.multiple(timeEmbedDim, "time_embed_dim", of: 2, limit: 65536)
        try fields.oneOf([0, timeEmbedDim], ofsEmbedDim, "ofs_embed_dim")
        try fields.positive(textEmbedDim, "text_embed_dim", limit: 65536)
        try fields.positive(numLayers, "num_layers", limit: 1024)
        try fields.positive(patchSize, "patch_size", limit: 16)
        try fields.positive(patchTime, "patch_size_t", limit: 16)
        try fields.multiple(sampleWidth, "sample_width", of: patchSize, limit: 65536)
        try fields.multiple(sampleHeight, "sample_height", of: patchSize, limit: 65536)
        try fields.positive(sampleFrames, "sample_frames", limit: 1_000_000)
        try fields.positive(temporalCompressionRatio, "temporal_compression_ratio", limit: 64)
        try fields.positive(maxTextSeqLength, "max_text_seq_length", limit: 8192)
        try fields.real(Double(normEps), "norm_eps", in: 0...1)
        try fields.real(Double(spatialInterpolationScale), "spatial_interpolation_scale", in: 1e-3...1e3)
        try fields.real(Double(temporalInterpolationScale), "temporal_interpolation_scale", in: 1e-3...1e3)
        guard useRotaryPositionalEmbeddings || !useLearnedPositionalEmbeddings else {
            throw fields.failure("use_learned_positional_embeddings", true, "false without rotary positions")
        }
        guard !useLearnedPositionalEmbeddings || patchSizeT == nil else {
            throw fields.failure("use_learned_positional_embeddings", true, "false where patch_size_t is given")
        }
    }

    /// The latent frames that learned positions are for.
    var sampleLatentFrames: Int { (sampleFrames - 1) / temporalCompressionRatio + 1 }
}

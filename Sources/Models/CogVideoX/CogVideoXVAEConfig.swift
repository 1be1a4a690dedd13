package import Weights

/// The numbers of a CogVideoX video autoencoder, from `vae/config.json`.
package struct CogVideoXVAEConfig: Decodable, Sendable {
    package let downBlockTypes: [String]
    package let upBlockTypes: [String]
    package let blockOutChannels: [Int]
    package let latentChannels: Int
    package let layersPerBlock: Int
    package let normEps: Float
    package let normNumGroups: Int
    package let temporalCompressionRatio: Double
    package let sampleHeight: Int
    package let sampleWidth: Int
    package let scalingFactor: Double
    /// Whether a picture's latents are divided by the scaling factor, as the models of 1.5 were trained.
    package let invertScaleLatents: Bool

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case downBlockTypes = "down_block_types"
        case upBlockTypes = "up_block_types"
        case blockOutChannels = "block_out_channels"
        case latentChannels = "latent_channels"
        case layersPerBlock = "layers_per_block"
        case normEps = "norm_eps"
        case normNumGroups = "norm_num_groups"
        case temporalCompressionRatio = "temporal_compression_ratio"
        case sampleHeight = "sample_height"
        case sampleWidth = "sample_width"
        case scalingFactor = "scaling_factor"
        case invertScaleLatents = "invert_scale_latents"
    }

    /// What is left out is what AutoencoderKLCogVideoX takes.
    package init(from decoder: any Decoder) throws {
        let read = try decoder.container(keyedBy: CodingKeys.self)
        downBlockTypes = try read(.downBlockTypes, Array(repeating: Self.downBlock, count: 4))
        upBlockTypes = try read(.upBlockTypes, Array(repeating: Self.upBlock, count: 4))
        blockOutChannels = try read(.blockOutChannels, [128, 256, 256, 512])
        latentChannels = try read(.latentChannels, 16)
        layersPerBlock = try read(.layersPerBlock, 3)
        normEps = try read(.normEps, 1e-6)
        normNumGroups = try read(.normNumGroups, 32)
        temporalCompressionRatio = try read(.temporalCompressionRatio, 4)
        sampleHeight = try read(.sampleHeight, 480)
        sampleWidth = try read(.sampleWidth, 720)
        scalingFactor = try read(.scalingFactor, 1.15258426)
        invertScaleLatents = try read(.invertScaleLatents, false)
    }

    private static let downBlock = "CogVideoXDownBlock3D"
    private static let upBlock = "CogVideoXUpBlock3D"

    /// Neither the class nor its pipelines read the harmless ones.
    package static let fields = FieldTable(
        read: CodingKeys.allCases.map(\.rawValue),
        harmless: ["shift_factor", "latents_mean", "latents_std", "force_upcast"],
        fixed: [
            "in_channels": [3], "out_channels": [3], "act_fn": ["silu", "swish"], "use_quant_conv": [false],
            "use_post_quant_conv": [false],
        ])

    /// Of the norms that `norm_eps` does not speak of.
    static let eps: Float = 1e-6

    /// By how much the sides of latents are smaller.
    package var spatialFactor: Int { 1 << (blockOutChannels.count - 1) }
    package var temporalFactor: Int { Int(temporalCompressionRatio) }

    /// Blocks that halve the number of frames, or double it, counted from the pixels or from the latents.
    var timeLevels: Int { temporalFactor.trailingZeroBitCount }

    /// Whether block `index` changes the number of frames; nil where it does not resample at all.
    package func resamples(_ index: Int) -> Bool? {
        index < blockOutChannels.count - 1 ? index < timeLevels : nil
    }

    /// Checks every number against what can be run.
    package func validate(_ fields: ConfigFields) throws(WeightError) {
        try fields.whole(blockOutChannels.count, "block_out_channels", in: 2...8)
        try fields.positive(normNumGroups, "norm_num_groups", limit: 4096)
        for channels in blockOutChannels {
            try fields.multiple(channels, "block_out_channels", of: normNumGroups, limit: 4096)
        }
        let count = blockOutChannels.count
        for type in try fields.exactly(count, downBlockTypes, "down_block_types") {
            try fields.oneOf([Self.downBlock], type, "down_block_types")
        }
        for type in try fields.exactly(count, upBlockTypes, "up_block_types") {
            try fields.oneOf([Self.upBlock], type, "up_block_types")
        }
        try fields.positive(latentChannels, "latent_channels", limit: 1024)
        try fields.positive(layersPerBlock, "layers_per_block", limit: 64)
        try fields.real(Double(normEps), "norm_eps", in: 0...1)
        try fields.oneOf(
            (0..<count).map { Double(1 << $0) }, temporalCompressionRatio, "temporal_compression_ratio")
        try fields.positive(sampleHeight, "sample_height", limit: 65536)
        try fields.positive(sampleWidth, "sample_width", limit: 65536)
        try fields.real(scalingFactor, "scaling_factor", in: 1e-6...1e6)
    }
}

package import Compute
package import Weights

/// The numbers of a Wan video autoencoder, from `vae/config.json`.
package struct WanVAEConfig: Decodable, Sendable {
    package let baseDim: Int
    package let decoderBaseDim: Int
    package let zDim: Int
    package let dimMult: [Int]
    package let numResBlocks: Int
    package let attnScales: [Double]
    package let temperalDownsample: [Bool]  // the checkpoints' spelling
    package let latentsMean: [Float]
    package let latentsStd: [Float]
    /// Wan 2.2: weightless shortcuts around each up block.
    package let isResidual: Bool
    package let inChannels: Int
    package let outChannels: Int
    /// Side of the pixel square that one decoded position holds.
    package let patchSize: Int
    package let scaleFactorTemporal: Int
    package let scaleFactorSpatial: Int
    package let encoder: Encoder

    /// How pictures become latents.
    package enum Encoder: String, Decodable, Sendable {
        case convolutional
        case linear
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case baseDim = "base_dim"
        case decoderBaseDim = "decoder_base_dim"
        case zDim = "z_dim"
        case dimMult = "dim_mult"
        case numResBlocks = "num_res_blocks"
        case attnScales = "attn_scales"
        case temperalDownsample = "temperal_downsample"
        case latentsMean = "latents_mean"
        case latentsStd = "latents_std"
        case isResidual = "is_residual"
        case inChannels = "in_channels"
        case outChannels = "out_channels"
        case patchSize = "patch_size"
        case scaleFactorTemporal = "scale_factor_temporal"
        case scaleFactorSpatial = "scale_factor_spatial"
        case encoder
    }

    /// What is left out is as in AutoencoderKLWan: the first Wan 2.1 repositories lack the keys that came with 2.2.
    package init(from decoder: any Decoder) throws {
        let read = try decoder.container(keyedBy: CodingKeys.self)
        baseDim = try read(.baseDim, 96)
        decoderBaseDim = try read(.decoderBaseDim, baseDim)
        zDim = try read(.zDim, 16)
        dimMult = try read(.dimMult, [1, 2, 4, 4])
        numResBlocks = try read(.numResBlocks, 2)
        attnScales = try read(.attnScales, [])
        temperalDownsample = try read(.temperalDownsample, [false, true, true])
        latentsMean = try read(.latentsMean, Self.mean)
        latentsStd = try read(.latentsStd, Self.deviation)
        isResidual = try read(.isResidual, false)
        inChannels = try read(.inChannels, 3)
        outChannels = try read(.outChannels, 3)
        patchSize = try read(.patchSize, 1)
        scaleFactorTemporal = try read(.scaleFactorTemporal, 4)
        scaleFactorSpatial = try read(.scaleFactorSpatial, 8)
        encoder = try read(.encoder, .convolutional)
    }

    private static let mean: [Float] = [
        -0.7571, -0.7089, -0.9113, 0.1075, -0.1745, 0.9653, -0.1517, 1.5508, 0.4134, -0.0715, 0.5517, -0.3632, -0.1922,
        -0.9497, 0.2503, -0.2921,
    ]
    private static let deviation: [Float] = [
        2.8184, 1.4541, 2.3275, 2.6558, 1.2196, 1.7708, 2.6052, 2.0743, 3.2687, 2.1526, 2.8652, 1.5579, 1.6382, 1.1253,
        2.8251, 1.9160,
    ]

    /// Mean and deviation of the latents of a published autoencoder with so many channels.
    package static func statistics(channels: Int) -> (mean: [Float], deviation: [Float])? {
        switch channels {
        case mean.count: (mean, deviation)
        case mean48.count: (mean48, deviation48)
        default: nil
        }
    }

    private static let mean48: [Float] = [
        -0.2289, -0.0052, -0.1323, -0.2339, -0.2799, 0.0174, 0.1838, 0.1557, -0.1382, 0.0542, 0.2813, 0.0891, 0.1570,
        -0.0098, 0.0375, -0.1825, -0.2246, -0.1207, -0.0698, 0.5109, 0.2665, -0.2108, -0.2158, 0.2502, -0.2055,
        -0.0322, 0.1109, 0.1567, -0.0729, 0.0899, -0.2799, -0.1230, -0.0313, -0.1649, 0.0117, 0.0723, -0.2839,
        -0.2083, -0.0520, 0.3748, 0.0152, 0.1957, 0.1433, -0.2944, 0.3573, -0.0548, -0.1681, -0.0667,
    ]
    private static let deviation48: [Float] = [
        0.4765, 1.0364, 0.4514, 1.1677, 0.5313, 0.4990, 0.4818, 0.5013, 0.8158, 1.0344, 0.5894, 1.0901, 0.6885,
        0.6165, 0.8454, 0.4978, 0.5759, 0.3523, 0.7135, 0.6804, 0.5833, 1.4146, 0.8986, 0.5659, 0.7069, 0.5338,
        0.4889, 0.4917, 0.4069, 0.4999, 0.6866, 0.4093, 0.5709, 0.6065, 0.6415, 0.4944, 0.5726, 1.2042, 0.5458,
        1.6887, 0.3971, 1.0600, 0.3943, 0.5537, 0.5444, 0.4089, 0.7468, 0.7744,
    ]

    /// Nothing is dropped out when a clip is made, and pixels are always clipped.
    package static let fields = FieldTable(
        read: CodingKeys.allCases.map(\.rawValue), harmless: ["dropout", "clip_output"])

    /// The pixels that a latent position stands for.
    package var latentPatch: PatchSize {
        PatchSize(time: scaleFactorTemporal, height: scaleFactorSpatial, width: scaleFactorSpatial)
    }

    /// Channels of the encoder, from the pixels to the latent side: one more than there are levels.
    package var encoderDims: [Int] { ([1] + dimMult).map { $0 * baseDim } }

    /// Whether level `index` of the encoder halves the frames; nil where it does not resample at all.
    package func halvesFrames(level index: Int) -> Bool? {
        index < dimMult.count - 1 ? temperalDownsample[index] : nil
    }

    /// How many frames before its own what a level of the encoder makes of a frame depends on, before it halves frames:
    /// two for each convolution.
    package func memory(level index: Int) -> Int { 2 * (2 * numResBlocks + (index == 0 ? 1 : 0)) }

    /// Channels of the decoder, from the latent side to the pixels: one more than there are up blocks.
    package var decoderDims: [Int] {
        ([dimMult[dimMult.count - 1]] + dimMult.reversed()).map { $0 * decoderBaseDim }
    }

    /// Whether up block `index` doubles the frames; nil where it does not resample at all.
    package func doublesFrames(upBlock index: Int) -> Bool? {
        index < dimMult.count - 1 ? temperalDownsample.reversed()[index] : nil
    }

    /// Checks every number against what can be run, and the factors against the structure.
    package func validate(_ fields: ConfigFields) throws(WeightError) {
        try fields.positive(baseDim, "base_dim", limit: 4096)
        try fields.positive(decoderBaseDim, "decoder_base_dim", limit: 4096)
        try fields.positive(zDim, "z_dim", limit: 1024)
        try fields.whole(dimMult.count, "dim_mult", in: 2...8)
        for factor in dimMult { try fields.positive(factor, "dim_mult", limit: 64) }
        try fields.positive(numResBlocks, "num_res_blocks", limit: 64)
        try fields.exactly(0, attnScales, "attn_scales")
        try fields.exactly(dimMult.count - 1, temperalDownsample, "temperal_downsample")
        try fields.exactly(zDim, latentsMean, "latents_mean")
        try fields.exactly(zDim, latentsStd, "latents_std")
        for value in latentsMean { try fields.real(Double(value), "latents_mean", in: -1e6...1e6) }
        for value in latentsStd { try fields.real(Double(value), "latents_std", in: 1e-6...1e6) }
        try fields.positive(patchSize, "patch_size", limit: 8)
        try fields.oneOf([3 * patchSize * patchSize], inChannels, "in_channels")
        try fields.oneOf([3 * patchSize * patchSize], outChannels, "out_channels")
        let temporal = 1 << temperalDownsample.filter { $0 }.count
        try fields.oneOf([temporal], scaleFactorTemporal, "scale_factor_temporal")
        try fields.oneOf([patchSize << (dimMult.count - 1)], scaleFactorSpatial, "scale_factor_spatial")
        try validateChannels(fields)
    }

    private func validateChannels(_ fields: ConfigFields) throws(WeightError) {
        let dims = decoderDims
        for index in 0..<dimMult.count - 1 {
            let factor = isResidual ? (doublesFrames(upBlock: index) == true ? 8 : 4) : 1
            let divisor = isResidual ? dims[index] : 2
            guard dims[index + 1] * factor % divisor == 0 else {
                throw fields.failure("dim_mult", "\(dimMult)", "such that channels divide evenly in up block \(index)")
            }
        }
        for index in dimMult.indices where isResidual {
            let factor = halvesFrames(level: index).map { $0 ? 8 : 4 } ?? 1
            guard encoderDims[index] * factor % encoderDims[index + 1] == 0 else {
                throw fields.failure("dim_mult", "\(dimMult)", "such that channels divide evenly in level \(index)")
            }
        }
    }
}

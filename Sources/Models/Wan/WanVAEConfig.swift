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
    package let outChannels: Int
    /// Side of the pixel square that one decoded position holds.
    package let patchSize: Int
    package let scaleFactorTemporal: Int
    package let scaleFactorSpatial: Int

    private enum CodingKeys: String, CodingKey {
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
        case outChannels = "out_channels"
        case patchSize = "patch_size"
        case scaleFactorTemporal = "scale_factor_temporal"
        case scaleFactorSpatial = "scale_factor_spatial"
    }

    /// The first Wan 2.1 repositories lack the keys that came with 2.2; their values are the class's defaults.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        baseDim = try values.decode(Int.self, forKey: .baseDim)
        decoderBaseDim = try values.decodeIfPresent(Int.self, forKey: .decoderBaseDim) ?? baseDim
        zDim = try values.decode(Int.self, forKey: .zDim)
        dimMult = try values.decode([Int].self, forKey: .dimMult)
        numResBlocks = try values.decode(Int.self, forKey: .numResBlocks)
        attnScales = try values.decode([Double].self, forKey: .attnScales)
        temperalDownsample = try values.decode([Bool].self, forKey: .temperalDownsample)
        latentsMean = try values.decode([Float].self, forKey: .latentsMean)
        latentsStd = try values.decode([Float].self, forKey: .latentsStd)
        isResidual = try values.decodeIfPresent(Bool.self, forKey: .isResidual) ?? false
        outChannels = try values.decodeIfPresent(Int.self, forKey: .outChannels) ?? 3
        patchSize = try values.decodeIfPresent(Int.self, forKey: .patchSize) ?? 1
        scaleFactorTemporal = try values.decodeIfPresent(Int.self, forKey: .scaleFactorTemporal) ?? 4
        scaleFactorSpatial = try values.decodeIfPresent(Int.self, forKey: .scaleFactorSpatial) ?? 8
    }

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
    }
}

package import Compute
package import Layers
package import Weights

/// The encoder of Wan's video autoencoders: 2.1 as published, 2.2 with residual shortcuts and patched pixels.
///
/// Frames are pushed one at a time; a latent frame comes out at the first and then at every last of as many as the
/// model's temporal factor. What later frames need is kept where it arose, so memory does not grow with the clip. Where
/// frames repeat, what would come out once more is not computed again. Follows AutoencoderKLWan of Diffusers 0.42.1,
/// whose chunks of one frame and then four give the same numbers. Activations are `[1, height, width, channels]`,
/// between blocks in f32.
package final class WanVAEEncoder: WanEncoder {
    package let config: WanVAEConfig
    private let device: Device
    private let levels: [WanDownLevel]
    private let midBlock: WanMidBlock
    private let normOut: ChannelNorm
    private let convOut: CausalConvolution
    private let quantConv: Linear  // its rows for the mean of the posterior
    private let normalise: Linear

    /// One picture, shown in `count` frames in a row.
    package struct Still {
        /// As the encoder's `frame` makes it; here f32 `[1, height, width, in_channels]`, patched, from -1 to 1.
        let frame: Tensor
        let count: Int

        package init(frame: Tensor, count: Int) {
            self.frame = frame
            self.count = count
        }
    }

    package init(_ w: WeightScope, _ config: WanVAEConfig, on device: Device) throws {
        self.config = config
        self.device = device
        let encoder = w["encoder"]
        levels = try (0..<config.dimMult.count).map { try WanDownLevel(encoder, config, index: $0, on: device) }
        let dim = config.encoderDims[config.dimMult.count]
        midBlock = try WanMidBlock(encoder["mid_block"], dim: dim, on: device)
        normOut = try ChannelNorm(encoder["norm_out"], channels: dim, rank: 4, silu: true, on: device)
        let z = config.zDim
        convOut = try CausalConvolution(encoder["conv_out"], in: dim, out: 2 * z, kernel: [3, 3, 3], on: device)
        quantConv = try Linear(
            weight: w["quant_conv"].tensor("weight", [2 * z, 2 * z, 1, 1, 1]).reshaped([2 * z, 2 * z])[0..<z],
            bias: w["quant_conv"].tensor("bias", [2 * z])[0..<z], on: device.f32)
        normalise = try config.normalisation(on: device.f32)
    }

    /// A picture `[3, height, width]` as a frame for `Still`.
    package func frame(height: Int, width: Int, planes: () -> [Float]) throws(ComputeError) -> Tensor {
        let patch = config.patchSize
        return try device.backend.upload([1, height / patch, width / patch, config.inChannels]) {
            patched(planes(), height: height, width: width)
        }
    }

    /// Patches of `[3, height, width]`, whose channels are (colour, column, row).
    private func patched(_ planes: [Float], height: Int, width: Int) -> [Float] {
        let patch = config.patchSize
        let (rows, columns) = (height / patch, width / patch)
        precondition(planes.count == 3 * rows * columns * patch * patch, "\(planes.count) for \(width) x \(height)")
        var values: [Float] = []
        values.reserveCapacity(planes.count)
        for y in 0..<rows {
            for x in 0..<columns {
                for place in 0..<3 * patch * patch {
                    let (colour, column, row) = (place / (patch * patch), place / patch % patch, place % patch)
                    values.append(planes[(colour * height + y * patch + row) * width + x * patch + column])
                }
            }
        }
        return values
    }

    /// A frame of zeros, which is grey.
    package func grey(height: Int, width: Int) throws(ComputeError) -> Tensor {
        let patch = config.patchSize
        let frame = try device.backend.allocate([1, height / patch, width / patch, config.inChannels], .f32)
        try device.backend.zero(frame)
        return frame
    }

    /// Normalised latents f32 `[C, T, H, W]` of a clip: the mean of the posterior.
    package func callAsFunction(_ clip: [Still], probe: Probe? = nil) throws(ComputeError) -> Tensor {
        reset()
        let frames = clip.reduce(0) { $0 + $1.count }
        let count = 1 + (frames - 1) / config.scaleFactorTemporal
        let scale = 1 << (config.dimMult.count - 1)
        let (height, width) = (clip[0].frame.shape[1] / scale, clip[0].frame.shape[2] / scale)
        let rows = try device.backend.allocate([count, height * width, config.zDim], .f32)
        var found = 0
        for still in clip {
            for run in stride(from: 1, through: still.count, by: 1) {
                guard let latent = try push(still.frame, run: run, "chunk.\(found)", probe) else { continue }
                try device.backend.copy(latent, into: rows[found])
                found += 1
            }
        }
        reset()
        let latents = try device.backend.allocate([config.zDim, count, height, width], .f32)
        try device.backend.unpatchify(
            rows.reshaped([count * height * width, config.zDim]), patch: PatchSize(time: 1, height: 1, width: 1),
            into: latents)
        return latents
    }

    private static func named(_ probe: Probe?, _ name: String, _ level: WanDownLevel) -> Probe? {
        guard let probe else { return nil }
        return { (part, value) throws(ComputeError) in try probe("\(name).\(part).part.\(level.part)", value) }
    }

    /// - Parameter run: how many equal frames end with this one.
    private func push(_ frame: Tensor, run: Int, _ name: String, _ probe: Probe?) throws(ComputeError) -> Tensor? {
        var x = FrameRun(frame: frame, count: run)
        for (index, level) in levels.enumerated() {
            let named = Self.named(probe, name, level)
            guard let next = try level.push(x, probe: named) else { return nil }
            x = next
            try named?("level.\(index)", x.frame)
        }
        for level in levels { level.beginLatentFrame() }
        // The last level keeps its result, and the middle block adds to what it is given.
        let y = try device.backend.allocate(x.frame.shape, .f32)
        try device.backend.copy(x.frame, into: y)
        let middle = try midBlock(y)
        try probe?("\(name).mid_block", middle)
        try normOut(middle, into: convOut.input(over: middle))
        let out = try device.backend.allocate([1, y.shape[1], y.shape[2], 2 * config.zDim], .f32)
        try convOut(into: out)
        return try normalise(quantConv(out))
    }

    private func reset() {
        for level in levels { level.reset() }
        midBlock.reset()
        convOut.reset()
    }
}

extension WanVAEConfig {
    /// The diagonal map of z to `(z - latents_mean) / latents_std`.
    func normalisation(on device: Device) throws -> Linear {
        var diagonal = [Float](repeating: 0, count: zDim * zDim)
        for channel in 0..<zDim { diagonal[channel * zDim + channel] = 1 / latentsStd[channel] }
        let offsets = zip(latentsMean, latentsStd).map { -$0 / $1 }
        return try Linear(
            weight: StoredTensor(diagonal, [zDim, zDim]), bias: StoredTensor(offsets, [zDim]), on: device)
    }
}

/// A frame on its way through the encoder.
struct FrameRun {
    /// f32 `[1, height, width, channels]`.
    let frame: Tensor
    /// How many equal frames in a row end with this one, as far as is known.
    let count: Int

    /// Of what is made from this frame and `memory` frames before it.
    func count(after memory: Int) -> Int { max(1, count - memory) }
}

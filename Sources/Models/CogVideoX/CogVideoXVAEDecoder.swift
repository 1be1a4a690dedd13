package import Compute
package import Layers
package import Weights

/// The decoder of CogVideoX's video autoencoder.
///
/// Chunks of latent frames go through in order; each norm takes its statistics over one: chunks are part of the model.
/// What a causal convolution has seen stays in it. Follows AutoencoderKLCogVideoX of Diffusers 0.42.1. Activations are
/// `[frames, height, width, channels]`, between blocks in f32.
package final class CogVideoXVAEDecoder {
    package let config: CogVideoXVAEConfig
    private let device: Device
    private let convIn: CausalConvolution
    private let midBlock: CogVideoXResidualBlocks
    private let upBlocks: [(resnets: CogVideoXResidualBlocks, upsampler: CogVideoXUpsampler?)]
    private let normOut: CogVideoXNorm
    private let convOut: CausalConvolution
    private let gain: Tensor  // [z], 1 / scaling_factor
    private let offset: Tensor  // [z], zeros

    /// Latent frames of a chunk; the first chunk also has the one that is left over.
    private static let chunkFrames = 2
    private static let midLayers = 2

    package init(_ w: WeightScope, _ config: CogVideoXVAEConfig, on device: Device) throws {
        self.config = config
        self.device = device
        let decoder = w["decoder"]
        let (dims, z) = (Array(config.blockOutChannels.reversed()), config.latentChannels)
        convIn = try CausalConvolution(
            decoder["conv_in"]["conv"], in: z, out: dims[0], kernel: [3, 3, 3], before: .first, on: device)
        midBlock = try CogVideoXResidualBlocks(
            decoder["mid_block"], count: Self.midLayers, in: dims[0], out: dims[0], latents: z, config, on: device)
        upBlocks = try dims.indices.map { index in
            let block = decoder["up_blocks"][index]
            return (
                resnets: try CogVideoXResidualBlocks(
                    block, count: config.layersPerBlock + 1, in: dims[max(index - 1, 0)], out: dims[index], latents: z,
                    config, on: device),
                upsampler: try config.resamples(index).map {
                    try CogVideoXUpsampler(
                        block["upsamplers"][0], channels: dims[index], doublesFrames: $0, on: device)
                }
            )
        }
        let last = dims[dims.count - 1]
        normOut = try CogVideoXNorm(
            decoder["norm_out"], channels: last, latents: z, eps: CogVideoXVAEConfig.eps, config, on: device)
        convOut = try CausalConvolution(
            decoder["conv_out"]["conv"], in: last, out: 3, kernel: [3, 3, 3], before: .first, on: device)
        gain = try device.backend.upload([Float](repeating: Float(1 / config.scalingFactor), count: z), [z])
        offset = try device.backend.upload([Float](repeating: 0, count: z), [z])
    }

    /// Forgets the clip decoded so far.
    package func reset() {
        for convolution in [convIn, convOut] { convolution.reset() }
        midBlock.reset()
        for block in upBlocks { block.resnets.reset() }
    }

    /// The chunks in which so many latent frames are decoded.
    package static func chunks(_ frames: Int) -> [Range<Int>] {
        let rest = frames % chunkFrames
        return (0..<max(frames / chunkFrames, 1)).map {
            ($0 == 0 ? 0 : chunkFrames * $0 + rest)..<min(chunkFrames * ($0 + 1) + rest, frames)
        }
    }

    /// Decodes the latent frames `chunk` of latents f32 `[T, C, H, W]` as the denoiser leaves them.
    ///
    /// Gives the frames in order, each as f32 `[1, height, width, 3]` before clamping.
    package func decode(
        _ latents: Tensor, chunk: Range<Int>, probe: Probe? = nil, emit: (Tensor) throws -> Void
    ) throws {
        let z = try channelsLast(latents, chunk)
        try device.backend.copy(z, into: convIn.input(frames: z.shape[0], height: z.shape[1], width: z.shape[2]))
        var x = try device.backend.allocate(
            [z.shape[0], z.shape[1], z.shape[2], convIn.outChannels], .f32)
        try convIn(into: x)
        try probe?("conv_in", x)
        x = try midBlock(x, z)
        try probe?("mid_block", x)
        for (index, block) in upBlocks.enumerated() {
            x = try block.resnets(x, z)
            if let upsampler = block.upsampler { x = try upsampler(x) }
            try probe?("up_block.\(index)", x)
        }
        let frames = try head(x, z)
        for index in 0..<frames.shape[0] { try emit(frames[index..<index + 1]) }
    }

    /// `[frames, height, width, channels]` in the device's dtype.
    private func channelsLast(_ latents: Tensor, _ chunk: Range<Int>) throws(ComputeError) -> Tensor {
        let (channels, height, width) = (latents.shape[1], latents.shape[2], latents.shape[3])
        let z = try device.allocate([chunk.count, height, width, channels])
        for (place, index) in chunk.enumerated() {
            try device.backend.channelsLast(
                latents[index].reshaped([channels, 1, height, width]), frame: 0, gain: gain, offset: offset,
                into: z[place..<place + 1])
        }
        return z
    }

    /// x is not needed afterwards.
    private func head(_ x: Tensor, _ z: Tensor) throws(ComputeError) -> Tensor {
        try normOut(x, z, into: convOut.input(over: x))
        let out = try device.backend.allocate([x.shape[0], x.shape[1], x.shape[2], 3], .f32)
        try convOut(into: out)
        return out
    }
}

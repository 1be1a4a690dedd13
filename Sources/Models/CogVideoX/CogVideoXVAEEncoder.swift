package import Compute
package import Layers
package import Weights

/// The encoder of CogVideoX's video autoencoder: pictures to the distribution of their latents.
///
/// Follows AutoencoderKLCogVideoX of Diffusers 0.42.1, as the decoder does.
package final class CogVideoXVAEEncoder {
    package let config: CogVideoXVAEConfig
    private let device: Device
    private let convIn: CausalConvolution
    private let downBlocks: [(resnets: CogVideoXResidualBlocks, downsampler: CogVideoXDownsampler?)]
    private let midBlock: CogVideoXResidualBlocks
    private let normOut: CogVideoXNorm
    private let convOut: CausalConvolution

    /// Frames of a chunk; the first chunk also has those that are left over.
    private static let chunkFrames = 8
    package static let midLayers = 2

    package init(_ w: WeightScope, _ config: CogVideoXVAEConfig, on device: Device) throws {
        self.config = config
        self.device = device
        let encoder = w["encoder"]
        let dims = config.blockOutChannels
        convIn = try CausalConvolution(
            encoder["conv_in"]["conv"], in: 3, out: dims[0], kernel: [3, 3, 3], before: .first, on: device)
        downBlocks = try dims.indices.map { index in
            let block = encoder["down_blocks"][index]
            return (
                resnets: try CogVideoXResidualBlocks(
                    block, count: config.layersPerBlock, in: dims[max(index - 1, 0)], out: dims[index], latents: nil,
                    config, on: device),
                downsampler: try config.resamples(index).map {
                    try CogVideoXDownsampler(
                        block["downsamplers"][0], channels: dims[index], halvesFrames: $0, on: device)
                }
            )
        }
        let last = dims[dims.count - 1]
        midBlock = try CogVideoXResidualBlocks(
            encoder["mid_block"], count: Self.midLayers, in: last, out: last, latents: nil, config, on: device)
        normOut = try CogVideoXNorm(
            encoder["norm_out"], channels: last, latents: nil, eps: CogVideoXVAEConfig.eps, config, on: device)
        convOut = try CausalConvolution(
            encoder["conv_out"]["conv"], in: last, out: 2 * config.latentChannels, kernel: [3, 3, 3], before: .first,
            on: device)
    }

    /// Means, then logarithms of variances of the latents, f32 `[latent frames, height, width, 2 · channels]`.
    ///
    /// - Parameter pixels: f32 `[frames, height, width, 3]` in -1...1; what came before is forgotten.
    package func callAsFunction(_ pixels: Tensor, probe: Probe? = nil) throws(ComputeError) -> [Tensor] {
        reset()
        defer { reset() }
        let frames = pixels.shape[0]
        let rest = frames % Self.chunkFrames
        var moments: [Tensor] = []
        for index in 0..<max(frames / Self.chunkFrames, 1) {
            let start = index == 0 ? 0 : Self.chunkFrames * index + rest
            moments.append(
                try encode(pixels[start..<min(Self.chunkFrames * (index + 1) + rest, frames)], probe: probe))
        }
        return moments
    }

    private func encode(_ pixels: Tensor, probe: Probe?) throws(ComputeError) -> Tensor {
        let shape = pixels.shape
        try device.backend.copy(
            pixels, into: convIn.input(frames: shape[0], height: shape[1], width: shape[2]))
        var x = try device.backend.allocate([shape[0], shape[1], shape[2], convIn.outChannels], .f32)
        try convIn(into: x)
        try probe?("conv_in", x)
        for (index, block) in downBlocks.enumerated() {
            x = try block.resnets(x)
            if let downsampler = block.downsampler { x = try downsampler(x) }
            try probe?("down_block.\(index)", x)
        }
        x = try midBlock(x)
        try probe?("mid_block", x)
        try normOut(x, nil, into: convOut.input(over: x))
        let out = try device.backend.allocate(
            [x.shape[0], x.shape[1], x.shape[2], 2 * config.latentChannels], .f32)
        try convOut(into: out)
        return out
    }

    private func reset() {
        for convolution in [convIn, convOut] { convolution.reset() }
        for block in downBlocks { block.resnets.reset() }
        midBlock.reset()
    }
}

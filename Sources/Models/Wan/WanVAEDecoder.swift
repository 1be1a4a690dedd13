package import Compute
package import Layers
package import Weights

/// The decoder of Wan's video autoencoders: 2.1 as published, 2.2 with residual shortcuts and patched pixels.
///
/// Latent frames are pushed one at a time, in order; each gives one frame at first and then as many as the model's
/// temporal factor. What a causal convolution has seen stays in it, so memory does not grow with the clip. Follows
/// AutoencoderKLWan of Diffusers 0.42.1. Activations are `[frames, height, width, channels]`, between blocks in f32.
package final class WanVAEDecoder {
    package let config: WanVAEConfig
    private let device: Device
    private let postQuantConv: Linear
    private let convIn: CausalConvolution
    private let midBlock: WanMidBlock
    private let upBlocks: [WanUpBlock]
    private let normOut: ChannelNorm
    private let convOut: CausalConvolution
    private let gain: Tensor  // [z], latents_std
    private let offset: Tensor  // [z], latents_mean
    private var isFirst = true
    /// How often each up block has run for the current latent frame; names what a probe is given.
    private var parts: [Int] = []

    package init(_ w: WeightScope, _ config: WanVAEConfig, on device: Device) throws {
        self.config = config
        self.device = device
        let decoder = w["decoder"]
        let dims = config.decoderDims
        postQuantConv = try Linear(
            w["post_quant_conv"], in: config.zDim, out: config.zDim,
            shape: [config.zDim, config.zDim, 1, 1, 1], on: device.f32)
        convIn = try CausalConvolution(
            decoder["conv_in"], in: config.zDim, out: dims[0], kernel: [3, 3, 3], on: device)
        midBlock = try WanMidBlock(decoder["mid_block"], dim: dims[0], on: device)
        upBlocks = try (0..<config.dimMult.count).map {
            try WanUpBlock(decoder["up_blocks"][$0], config, index: $0, on: device)
        }
        normOut = try ChannelNorm(
            decoder["norm_out"], channels: dims[dims.count - 1], rank: 4, silu: true, on: device)
        convOut = try CausalConvolution(
            decoder["conv_out"], in: dims[dims.count - 1], out: config.outChannels, kernel: [3, 3, 3], on: device)
        gain = try device.backend.upload(config.latentsStd, [config.zDim])
        offset = try device.backend.upload(config.latentsMean, [config.zDim])
    }

    /// Forgets the clip decoded so far.
    package func reset() {
        isFirst = true
        for convolution in [convIn, convOut] { convolution.reset() }
        midBlock.reset()
        for block in upBlocks { block.reset() }
    }

    /// Decodes latent frame `index` of normalised latents f32 `[C, T, H, W]`.
    ///
    /// Gives the frames in order, each as f32 `[1, height, width, out_channels]` before clamping and unpatching.
    package func decode(
        _ latents: Tensor, frame index: Int, probe: Probe? = nil, emit: (Tensor) throws -> Void
    ) throws {
        let (height, width) = (latents.shape[2], latents.shape[3])
        let z = try device.backend.allocate([1, height, width, config.zDim], .f32)
        try device.backend.channelsLast(latents, frame: index, gain: gain, offset: offset, into: z)
        try device.backend.copy(
            postQuantConv(z, as: .f32), into: convIn.input(frames: 1, height: height, width: width))
        let x = try device.backend.allocate([1, height, width, convIn.outChannels], .f32)
        try convIn(into: x)
        parts = upBlocks.map { _ in 0 }
        try probe?("conv_in", x)
        let y = try midBlock(x)
        try probe?("mid_block", y)
        try up(y, probe: probe, emit: emit)
        isFirst = false
    }

    /// Sends one frame through the up blocks.
    ///
    /// Going depth first keeps only one frame of the large late stages alive, and those that wait are small.
    private func up(_ x: Tensor, probe: Probe?, emit: (Tensor) throws -> Void) throws {
        var waiting = [(block: 0, frame: x)]
        while let (block, frame) = waiting.popLast() {
            guard block < upBlocks.count else {
                try emit(head(frame))
                continue
            }
            let frames = try upBlocks[block](frame, isFirst: isFirst)
            if let probe { try probe("up_block.\(block).part.\(parts[block])", joined(frames)) }
            parts[block] += 1
            waiting += frames.reversed().map { (block + 1, $0) }
        }
    }

    private func joined(_ frames: [Tensor]) throws(ComputeError) -> Tensor {
        let all = try device.backend.allocate(Shape([frames.count] + frames[0].shape.dims.dropFirst()), .f32)
        for (index, frame) in frames.enumerated() {
            try device.backend.copy(frame, into: all[index..<index + 1])
        }
        return all
    }

    /// x is not needed afterwards.
    private func head(_ x: Tensor) throws(ComputeError) -> Tensor {
        let (height, width) = (x.shape[1], x.shape[2])
        try normOut(x, into: convOut.input(over: x))
        let out = try device.backend.allocate([1, height, width, config.outChannels], .f32)
        try convOut(into: out)
        return out
    }
}

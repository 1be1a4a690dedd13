import Compute
import Layers
import Weights

/// Two causal convolutions, each behind norm and SiLU, around which the input is added.
final class WanResidualBlock {
    private let device: Device
    private let norm1: ChannelNorm
    private let conv1: CausalConvolution
    private let norm2: ChannelNorm
    private let conv2: CausalConvolution
    private let convShortcut: Linear?

    init(_ w: WeightScope, in inDim: Int, out outDim: Int, on device: Device) throws {
        self.device = device
        norm1 = try ChannelNorm(w["norm1"], channels: inDim, rank: 4, silu: true, on: device)
        conv1 = try CausalConvolution(w["conv1"], in: inDim, out: outDim, kernel: [3, 3, 3], on: device)
        norm2 = try ChannelNorm(w["norm2"], channels: outDim, rank: 4, silu: true, on: device)
        conv2 = try CausalConvolution(w["conv2"], in: outDim, out: outDim, kernel: [3, 3, 3], on: device)
        convShortcut =
            inDim == outDim
            ? nil
            : try Linear(
                w["conv_shortcut"], in: inDim, out: outDim, shape: [outDim, inDim, 1, 1, 1], on: device)
    }

    func reset() {
        conv1.reset()
        conv2.reset()
    }

    /// x f32 `[frames, height, width, in]`; the result may be x itself, added to.
    func callAsFunction(_ x: Tensor) throws(ComputeError) -> Tensor {
        try convolveFirst(x)
        let out = try convShortcut?(device.cast(x), as: .f32) ?? x
        try conv2(accumulate: true, into: out)
        return out
    }

    /// As far as the second convolution's input.
    private func convolveFirst(_ x: Tensor) throws(ComputeError) {
        let (frames, height, width) = (x.shape[0], x.shape[1], x.shape[2])
        try norm1(x, into: conv1.input(frames: frames, height: height, width: width))
        let middle = try device.backend.allocate([frames, height, width, conv1.outChannels], .f32)
        try conv1(into: middle)
        try norm2(middle, into: conv2.input(over: middle))
    }
}

/// Attention of each frame's positions to each other, one head over all channels.
struct WanAttentionBlock {
    private let device: Device
    private let norm: ChannelNorm
    private let toQ: Linear
    private let toK: Linear
    private let toV: Linear
    private let proj: Linear
    private let dim: Int

    init(_ w: WeightScope, dim: Int, on device: Device) throws {
        self.device = device
        self.dim = dim
        norm = try ChannelNorm(w["norm"], channels: dim, rank: 3, silu: false, on: device)
        let weight = try w["to_qkv"].tensor("weight", [3 * dim, dim, 1, 1]).reshaped([3 * dim, dim])
        let bias = try w["to_qkv"].tensor("bias", [3 * dim])
        let parts = try (0..<3).map { part in
            let rows = part * dim..<(part + 1) * dim
            return try Linear(weight: weight[rows], bias: bias[rows], on: device)
        }
        (toQ, toK, toV) = (parts[0], parts[1], parts[2])
        proj = try Linear(w["proj"], in: dim, out: dim, shape: [dim, dim, 1, 1], on: device)
    }

    /// Adds to x f32 `[frames, height, width, dim]`.
    func callAsFunction(_ x: Tensor) throws(ComputeError) {
        let positions = x.shape[1] * x.shape[2]
        let rows = x.reshaped([x.shape[0] * positions, dim])
        let normed = try device.allocate(rows.shape)
        try norm(rows, into: normed)
        let attended = try device.allocate(rows.shape)
        try device.backend.attention(
            toQ(normed), toK(normed), toV(normed), heads: 1, scale: 1 / Float(dim).squareRoot(),
            groups: .consecutive(length: positions), bias: nil, into: attended)
        try proj(attended, .add, into: rows)
    }
}

/// Residual block, attention, residual block.
struct WanMidBlock {
    private let resnets: [WanResidualBlock]
    private let attention: WanAttentionBlock

    init(_ w: WeightScope, dim: Int, on device: Device) throws {
        resnets = try (0..<2).map { try WanResidualBlock(w["resnets"][$0], in: dim, out: dim, on: device) }
        attention = try WanAttentionBlock(w["attentions"][0], dim: dim, on: device)
    }

    func reset() {
        for resnet in resnets { resnet.reset() }
    }

    func callAsFunction(_ x: Tensor) throws(ComputeError) -> Tensor {
        let y = try resnets[0](x)
        try attention(y)
        return try resnets[1](y)
    }
}

/// Residual blocks, then twice the height and width, and for some blocks twice the frames.
final class WanUpBlock {
    private let device: Device
    private let resnets: [WanResidualBlock]
    private let upsampler: WanUpsampler?
    /// Frames each input frame becomes; for the weightless shortcut of Wan 2.2.
    private let shortcutTime: Int?

    init(_ w: WeightScope, _ config: WanVAEConfig, index: Int, on device: Device) throws {
        self.device = device
        let dims = config.decoderDims
        // In 2.1 the upsampler before has halved the channels.
        let inDim = index > 0 && !config.isResidual ? dims[index] / 2 : dims[index]
        let outDim = dims[index + 1]
        resnets = try (0...config.numResBlocks).map {
            try WanResidualBlock(w["resnets"][$0], in: $0 == 0 ? inDim : outDim, out: outDim, on: device)
        }
        guard let doublesFrames = config.doublesFrames(upBlock: index) else {
            upsampler = nil
            shortcutTime = nil
            return
        }
        upsampler = try WanUpsampler(
            config.isResidual ? w["upsampler"] : w["upsamplers"][0], in: outDim,
            out: config.isResidual ? outDim : outDim / 2, doublesFrames: doublesFrames, on: device)
        shortcutTime = config.isResidual ? (doublesFrames ? 2 : 1) : nil
    }

    func reset() {
        for resnet in resnets { resnet.reset() }
        upsampler?.reset()
    }

    /// The resulting frames, f32 `[1, height, width, channels]` each.
    ///
    /// - Parameter isFirst: whether x belongs to the clip's first latent frame, which is never doubled in time.
    func callAsFunction(_ x: Tensor, isFirst: Bool) throws(ComputeError) -> [Tensor] {
        var kept: Tensor?
        if shortcutTime != nil {
            // The residual blocks may add to x itself.
            let copy = try device.backend.allocate(x.shape, .f32)
            try device.backend.copy(x, into: copy)
            kept = copy
        }
        var y = x
        for resnet in resnets { y = try resnet(y) }
        guard let upsampler else { return split(y) }
        let small = try upsampler.frames(y, isFirst: isFirst)
        let shape = upsampler.enlargedShape(small)
        guard let shortcutTime, let kept else {
            // Each in memory of its own, which goes when that frame is done.
            return try split(small).map { (frame) throws(ComputeError) in
                let large = try device.backend.allocate(Shape([1] + shape.dims.dropFirst()), .f32)
                try upsampler.enlarge(frame, into: large)
                return large
            }
        }
        let large = try device.backend.allocate(shape, .f32)
        for (frame, out) in zip(split(small), split(large)) { try upsampler.enlarge(frame, into: out) }
        try device.backend.addRepeatedUp(
            kept, time: shortcutTime, space: 2, skip: isFirst ? shortcutTime - 1 : 0, into: large)
        return split(large)
    }

    private func split(_ x: Tensor) -> [Tensor] { (0..<x.shape[0]).map { x[$0..<$0 + 1] } }
}

/// Doubles the frames by a causal convolution over time, then height and width by nearest neighbour and a convolution.
final class WanUpsampler {
    private let device: Device
    private let timeConv: CausalConvolution?
    private let resample: FrameConvolution

    init(_ w: WeightScope, in inDim: Int, out outDim: Int, doublesFrames: Bool, on device: Device) throws {
        self.device = device
        timeConv =
            doublesFrames
            ? try CausalConvolution(w["time_conv"], in: inDim, out: 2 * inDim, kernel: [3, 1, 1], on: device) : nil
        resample = try FrameConvolution(w["resample"][1], in: inDim, out: outDim, kernel: 3, doubles: true, on: device)
    }

    func reset() {
        timeConv?.reset()
    }

    /// The frames in their number, not yet enlarged.
    ///
    /// The first latent frame skips the time convolution and leaves no trace in it.
    func frames(_ x: Tensor, isFirst: Bool) throws(ComputeError) -> Tensor {
        guard let timeConv, !isFirst else { return x }
        return try doubled(x, timeConv)
    }

    func enlargedShape(_ frames: Tensor) -> Shape {
        [frames.shape[0], 2 * frames.shape[1], 2 * frames.shape[2], resample.outChannels]
    }

    /// One frame, f32.
    func enlarge(_ frame: Tensor, into out: Tensor) throws(ComputeError) {
        try resample.doubling(frame, into: out)
    }

    private func doubled(_ x: Tensor, _ timeConv: CausalConvolution) throws(ComputeError) -> Tensor {
        let (count, height, width, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
        try device.backend.copy(x, into: timeConv.input(frames: count, height: height, width: width))
        let pairs = try device.backend.allocate([count, height, width, 2 * channels], .f32)
        try timeConv(into: pairs)
        let frames = try device.backend.allocate([2 * count, height, width, channels], .f32)
        try device.backend.interleaveFrames(pairs, into: frames)
        return frames
    }
}

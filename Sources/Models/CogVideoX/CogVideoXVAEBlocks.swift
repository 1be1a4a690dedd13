import Compute
import Layers
import Weights

/// A group norm with SiLU; in the decoder what it scales and shifts by comes from the latents at the same place.
///
/// Its statistics are those of all frames of a chunk (CogVideoXSpatialNorm3D of Diffusers).
struct CogVideoXNorm {
    private let device: Device
    private let groups: Int
    private let eps: Float
    private let weight: Tensor
    private let bias: Tensor
    /// Gain and offset from latents.
    private let places: (gain: Linear, offset: Linear)?

    /// - Parameter latents: channels of the latents that a norm of the decoder reads.
    init(
        _ w: WeightScope, channels: Int, latents: Int?, eps: Float, _ config: CogVideoXVAEConfig, on device: Device
    ) throws {
        self.device = device
        groups = config.normNumGroups
        let norm = latents == nil ? w : w["norm_layer"]
        self.eps = latents == nil ? eps : CogVideoXVAEConfig.eps
        weight = try device.backend.vector(norm.tensor("weight", [channels]))
        bias = try device.backend.vector(norm.tensor("bias", [channels]))
        places = try latents.map { latents in
            let linear = { (name: String) throws in
                try Linear(
                    w[name]["conv"], in: latents, out: channels, shape: [channels, latents, 1, 1, 1], on: device)
            }
            return (gain: try linear("conv_y"), offset: try linear("conv_b"))
        }
    }

    /// - Parameter latents: `[frames, height, width, channels]` in the device's dtype, smaller than x.
    func callAsFunction(_ x: Tensor, _ latents: Tensor?, into out: Tensor) throws(ComputeError) {
        var vectors: PlaceVectors?
        if let places, let latents {
            // Each place of x takes the nearest of the latents, so that products of the latents' size are enough.
            vectors = PlaceVectors(
                gain: try places.gain(latents, as: .f32), offset: try places.offset(latents, as: .f32),
                partsFirstFrame: x.shape[0] > 1 && x.shape[0] % 2 == 1)
        }
        try device.backend.groupNorm(
            x, groups: groups, gain: weight, offset: bias, places: vectors, eps: eps, silu: true, into: out)
    }
}

/// Two causal convolutions, each behind a norm with SiLU, around which the input is added.
final class CogVideoXResidualBlock {
    private let device: Device
    private let norm1: CogVideoXNorm
    private let conv1: CausalConvolution
    private let norm2: CogVideoXNorm
    private let conv2: CausalConvolution
    private let convShortcut: Linear?

    init(
        _ w: WeightScope, in inDim: Int, out outDim: Int, latents: Int?, _ config: CogVideoXVAEConfig, on device: Device
    ) throws {
        self.device = device
        norm1 = try CogVideoXNorm(
            w["norm1"], channels: inDim, latents: latents, eps: config.normEps, config, on: device)
        conv1 = try CausalConvolution(
            w["conv1"]["conv"], in: inDim, out: outDim, kernel: [3, 3, 3], before: .first, on: device)
        norm2 = try CogVideoXNorm(
            w["norm2"], channels: outDim, latents: latents, eps: config.normEps, config, on: device)
        conv2 = try CausalConvolution(
            w["conv2"]["conv"], in: outDim, out: outDim, kernel: [3, 3, 3], before: .first, on: device)
        convShortcut =
            inDim == outDim
            ? nil
            : try Linear(w["conv_shortcut"], in: inDim, out: outDim, shape: [outDim, inDim, 1, 1, 1], on: device)
    }

    func reset() {
        conv1.reset()
        conv2.reset()
    }

    /// x f32 `[frames, height, width, in]`, not needed afterwards; the result may be x itself, added to.
    func callAsFunction(_ x: Tensor, _ latents: Tensor?) throws(ComputeError) -> Tensor {
        let out = try convShortcut?(device.cast(x), as: .f32) ?? x
        try convolveFirst(x, latents, overwrites: convShortcut != nil)
        try conv2(accumulate: true, into: out)
        return out
    }

    /// As far as the second convolution's input; where the shortcut has read x, its memory serves for the first's.
    private func convolveFirst(_ x: Tensor, _ latents: Tensor?, overwrites: Bool) throws(ComputeError) {
        let (frames, height, width) = (x.shape[0], x.shape[1], x.shape[2])
        try norm1(
            x, latents,
            into: overwrites ? conv1.input(over: x) : conv1.input(frames: frames, height: height, width: width))
        let middle = try device.backend.allocate([frames, height, width, conv1.outChannels], .f32)
        try conv1(into: middle)
        try norm2(middle, latents, into: conv2.input(over: middle))
    }
}

/// A row of residual blocks.
struct CogVideoXResidualBlocks {
    private let blocks: [CogVideoXResidualBlock]

    init(
        _ w: WeightScope, count: Int, in inDim: Int, out outDim: Int, latents: Int?, _ config: CogVideoXVAEConfig,
        on device: Device
    ) throws {
        blocks = try (0..<count).map {
            try CogVideoXResidualBlock(
                w["resnets"][$0], in: $0 == 0 ? inDim : outDim, out: outDim, latents: latents, config, on: device)
        }
    }

    func reset() {
        for block in blocks { block.reset() }
    }

    func callAsFunction(_ x: Tensor, _ latents: Tensor? = nil) throws(ComputeError) -> Tensor {
        var y = x
        for block in blocks { y = try block(y, latents) }
        return y
    }
}

/// Twice the height and width by nearest neighbour, for some blocks twice the frames, then a convolution of each frame.
struct CogVideoXUpsampler {
    private let device: Device
    private let conv: FrameConvolution
    private let doublesFrames: Bool

    init(_ w: WeightScope, channels: Int, doublesFrames: Bool, on device: Device) throws {
        self.device = device
        self.doublesFrames = doublesFrames
        conv = try FrameConvolution(
            w["conv"], in: channels, out: channels, kernel: 3, doubles: true, on: device)
    }

    /// x f32 `[frames, height, width, channels]`.
    ///
    /// The first of an odd number of frames stays one. Frames that are equal are convolved once.
    func callAsFunction(_ x: Tensor) throws(ComputeError) -> Tensor {
        let frames = x.shape[0]
        let single = doublesFrames && frames > 1 ? frames % 2 : frames
        let shape: Shape = [single + 2 * (frames - single), 2 * x.shape[1], 2 * x.shape[2], conv.outChannels]
        let out = try device.backend.allocate(shape, .f32)
        for index in 0..<frames {
            let place = index < single ? index : single + 2 * (index - single)
            try conv.doubling(x[index..<index + 1], into: out[place..<place + 1])
            if index >= single { try device.backend.copy(out[place], into: out[place + 1]) }
        }
        return out
    }
}

/// For some blocks half the frames, by means of pairs, then half the height and width by a convolution.
struct CogVideoXDownsampler {
    private let device: Device
    private let conv: FrameConvolution
    private let halvesFrames: Bool

    init(_ w: WeightScope, channels: Int, halvesFrames: Bool, on device: Device) throws {
        self.device = device
        self.halvesFrames = halvesFrames
        // Zeros on the far sides only.
        let side = Window.Axis(stride: 2, after: 1)
        conv = try FrameConvolution(
            w["conv"], in: channels, out: channels, kernel: 3,
            window: Window(time: Window.Axis(), height: side, width: side), on: device)
    }

    /// x f32 `[frames, height, width, channels]`; of an odd number of frames the first stays as it is.
    func callAsFunction(_ x: Tensor) throws(ComputeError) -> Tensor {
        let frames = x.shape[0]
        guard halvesFrames, frames > 1 else { return try conv(device.cast(x)) }
        let single = frames % 2
        let halved = try device.backend.allocate(Shape([single + frames / 2] + x.shape.dims.dropFirst()), .f32)
        if single == 1 { try device.backend.copy(x[0], into: halved[0]) }
        for pair in 0..<frames / 2 {
            let first = single + 2 * pair
            try device.backend.combine([(0.5, x[first]), (0.5, x[first + 1])], into: halved[single + pair])
        }
        return try conv(device.cast(halved))
    }
}

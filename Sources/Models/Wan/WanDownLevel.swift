import Compute
import Layers
import Weights

/// One level of the encoder: residual blocks, then half the height and width, and for some levels half the frames.
///
/// The first level also holds the convolution of the pixels.
final class WanDownLevel {
    private let device: Device
    private let convIn: CausalConvolution?
    private let resnets: [WanResidualBlock]
    private let resample: FrameConvolution?
    private let halving: WanFrameHalving?
    private let shortcut: WanAverageDown?
    /// How many frames before its own a frame's result depends on, before frames are halved.
    private let memory: Int
    /// The last frame before frames are halved.
    private var last: Tensor?
    /// How often this level was pushed for the latent frame that is being made; names what a probe is given.
    private(set) var part = 0

    init(_ encoder: WeightScope, _ config: WanVAEConfig, index: Int, on device: Device) throws {
        self.device = device
        let (inDim, outDim) = (config.encoderDims[index], config.encoderDims[index + 1])
        convIn =
            index > 0
            ? nil
            : try CausalConvolution(
                encoder["conv_in"], in: config.inChannels, out: inDim, kernel: [3, 3, 3], on: device)
        // Without residual shortcuts, blocks and resamplings of all levels stand in one list.
        let blocks = encoder["down_blocks"]
        let (count, start) = (config.numResBlocks, index * (config.numResBlocks + 1))
        let resnets = config.isResidual ? blocks[index]["resnets"] : blocks
        self.resnets = try (0..<count).map {
            try WanResidualBlock(
                resnets[config.isResidual ? $0 : start + $0], in: $0 == 0 ? inDim : outDim, out: outDim, on: device)
        }
        let halvesFrames = config.halvesFrames(level: index)
        let down = config.isResidual ? blocks[index]["downsampler"] : blocks[start + count]
        resample =
            halvesFrames == nil
            ? nil
            : try FrameConvolution(
                down["resample"][1], in: outDim, out: outDim, kernel: 3, window: .halving(before: 0, after: 1),
                on: device)
        halving = halvesFrames == true ? try WanFrameHalving(down["time_conv"], dim: outDim, on: device) : nil
        shortcut =
            config.isResidual
            ? try WanAverageDown(
                in: inDim, out: outDim, time: halvesFrames == true ? 2 : 1, space: halvesFrames == nil ? 1 : 2,
                on: device)
            : nil
        memory = config.memory(level: index)
    }

    func reset() {
        convIn?.reset()
        for resnet in resnets { resnet.reset() }
        halving?.reset()
        shortcut?.reset()
        last = nil
        part = 0
    }

    /// What the next level gets; nil while frames are waited for.
    ///
    /// What is given is left as it is.
    func push(_ x: FrameRun, probe: Probe?) throws(ComputeError) -> FrameRun? {
        part += 1
        let y: Tensor
        if let last, shortcut == nil, x.count >= memory + 2 {
            y = last
        } else {
            let input = try entered(x.frame, probe)
            try shortcut?.push(input)
            y = try spatial(input)
        }
        last = y
        var run = FrameRun(frame: y, count: x.count(after: memory))
        if let halving {
            guard let half = try halving.push(run) else { return nil }
            run = half
        }
        guard let sum = shortcut?.take() else { return run }
        try device.backend.combine([(1, sum), (1, run.frame)], into: sum)
        return FrameRun(frame: sum, count: 1)
    }

    /// The next latent frame begins.
    func beginLatentFrame() { part = 0 }

    /// What the residual blocks are given: they may add to it.
    private func entered(_ x: Tensor, _ probe: Probe?) throws(ComputeError) -> Tensor {
        guard let convIn else {
            let copy = try device.backend.allocate(x.shape, .f32)
            try device.backend.copy(x, into: copy)
            return copy
        }
        let (height, width) = (x.shape[1], x.shape[2])
        try device.backend.copy(x, into: convIn.input(frames: 1, height: height, width: width))
        let y = try device.backend.allocate([1, height, width, convIn.outChannels], .f32)
        try convIn(into: y)
        try probe?("conv_in", y)
        return y
    }

    private func spatial(_ x: Tensor) throws(ComputeError) -> Tensor {
        var y = x
        for resnet in resnets { y = try resnet(y) }
        guard let resample else { return y }
        return try resample(device.cast(y))
    }
}

/// Halves the frames: the first passes, then every two become one that has also seen the one before them.
final class WanFrameHalving {
    private let device: Device
    private let weight: ConvolutionWeight
    private let bias: Tensor
    /// The newest frames, in the device's dtype: one that ended a pair (or the first), one that begins the next.
    private var ended: Tensor?
    private var begun: Tensor?
    private var result: Tensor?

    init(_ w: WeightScope, dim: Int, on device: Device) throws {
        self.device = device
        weight = try device.backend.convolutionWeight(w.tensor("weight", [dim, dim, 3, 1, 1]), for: device.dtype)
        bias = try device.backend.vector(w.tensor("bias", [dim]))
    }

    func reset() { (ended, begun, result) = (nil, nil, nil) }

    func push(_ x: FrameRun) throws(ComputeError) -> FrameRun? {
        let frame = try device.cast(x.frame)
        guard let ended else {
            ended = frame
            return FrameRun(frame: x.frame, count: 1)
        }
        guard let begun else {
            begun = frame
            return nil
        }
        // The same five frames, the same result as from the first three.
        let half: Tensor
        if let result, x.count >= 5 {
            half = result
        } else {
            half = try device.backend.allocate(x.frame.shape, .f32)
            try device.backend.convolution(
                frame, history: [ended[0], begun[0]], weight, bias: bias, accumulate: false, into: half)
        }
        (self.ended, self.begun, result) = (frame, nil, half)
        return FrameRun(frame: half, count: 1 + max(0, (x.count - 3) / 2))
    }
}

/// Wan 2.2's weightless shortcut (AvgDown3D).
///
/// Squares of `space` and runs of `time` frames become channels (order channel, frame, row, column), of which
/// neighbours are averaged. A first frame stands for a whole run whose others are zeros.
final class WanAverageDown {
    private let device: Device
    private let outChannels: Int
    private let space: Int
    private let slices: [ConvolutionWeight]  // one for each frame of a run
    private var sum: Tensor?
    private var next: Int

    init(in inDim: Int, out outDim: Int, time: Int, space: Int, on device: Device) throws {
        self.device = device
        self.space = space
        outChannels = outDim
        let square = space * space
        let group = inDim * time * square / outDim
        slices = try (0..<time).map { frame in
            var kernel = [Float](repeating: 0, count: outDim * inDim * square)
            for channel in 0..<inDim {
                for place in 0..<square {
                    let out = ((channel * time + frame) * square + place) / group
                    kernel[(out * inDim + channel) * square + place] = 1 / Float(group)
                }
            }
            return try device.backend.convolutionWeight(
                StoredTensor(kernel, [outDim, inDim, 1, space, space]), for: .f32)
        }
        next = time - 1
    }

    func reset() {
        sum = nil
        next = slices.count - 1
    }

    /// x f32.
    func push(_ x: Tensor) throws(ComputeError) {
        let shape: Shape = [1, x.shape[1] / space, x.shape[2] / space, outChannels]
        let isFirst = sum == nil
        let place: Tensor
        if let sum { place = sum } else { place = try device.backend.allocate(shape, .f32) }
        try device.backend.convolution(
            x, history: [], slices[next],
            window: space == 1 ? .causal([1, 1, 1]) : .halving(before: 0, after: 0), bias: nil, accumulate: !isFirst,
            into: place)
        sum = place
        next += 1
    }

    /// What was pushed since the last time.
    func take() -> Tensor? {
        defer {
            sum = nil
            next = 0
        }
        return sum
    }
}

extension Window {
    /// Every second place of height and width.
    static func halving(before: Int, after: Int) -> Window {
        let axis = Axis(stride: 2, before: before, after: after)
        return Window(time: Axis(), height: axis, width: axis)
    }
}

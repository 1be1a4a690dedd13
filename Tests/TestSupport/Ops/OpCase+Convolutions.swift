import Compute

extension OpCase {
    /// Convolutions: odd sizes and channels, every kernel of the VAEs; tiles, whole and ragged; and frames that are cut
    /// into blocks of pixels, channels and depth.
    package static var convolution: [OpCase] {
        mixedConvolutions + tiledConvolutions + blockedConvolutions + windowedConvolutions + transformedConvolutions
    }

    /// Frames and channels enough for kernels that are transformed: tiles whole and cut off, zeros around or not, more
    /// depth than is multiplied at once.
    private static var transformedConvolutions: [OpCase] {
        let around = Window.Axis(before: 1, after: 1)
        let none = Window.Axis()
        let sizes: [(size: ConvolutionSize, window: Window?)] = [
            (([3, 11, 13], [17, 24], [3, 3, 3]), nil), (([2, 8, 8], [130, 33], [3, 3, 3]), nil),
            (([1, 24, 21], [16, 50], [1, 3, 3]), nil),
            (([2, 13, 12], [20, 16], [1, 3, 3]), Window(time: none, height: none, width: Window.Axis(before: 2))),
            (([3, 9, 10], [19, 21], [2, 3, 3]), Window(time: Window.Axis(stride: 2), height: around, width: around)),
        ]
        let mixes: [(x: DType, stored: DType, out: DType)] = [
            (.f32, .f32, .f32), (.bf16, .f32, .f32), (.f32, .f16, .bf16), (.f32, .bf16, .f32),
        ]
        var cases: [OpCase] = []
        for (index, (size, window)) in sizes.enumerated() {
            for (step, mix) in mixes.enumerated() {
                cases.append(
                    convolution(
                        size, mix, hasBias: (index + step) % 2 == 0, accumulates: step % 2 == 1,
                        missing: [[], [0], [0, 1], [1]][step], window: window))
            }
        }
        return cases
    }

    private static var blockedConvolutions: [OpCase] {
        let sizes: [ConvolutionSize] = [([2, 9, 12], [31, 35], [3, 3, 3]), ([1, 3, 50], [52, 70], [1, 1, 3])]
        var cases: [OpCase] = []
        for size in sizes {
            for (step, out) in [DType.f32, .bf16].enumerated() {
                for x in [DType.f32, .bf16] {
                    cases.append(
                        convolution(
                            size, (x, step == 0 ? .f32 : .f16, out), hasBias: step == 0, accumulates: step != 0,
                            missing: step == 0 ? [0] : []))
                }
            }
        }
        return cases
    }

    private static var mixedConvolutions: [OpCase] {
        let sizes: [ConvolutionSize] = [
            ([1, 5, 7], [3, 4], [3, 3, 3]), ([2, 6, 5], [16, 12], [3, 3, 3]), ([3, 4, 9], [6, 3], [1, 3, 3]),
            ([2, 3, 5], [4, 8], [3, 1, 1]), ([4, 3, 4], [12, 6], [1, 1, 1]), ([1, 6, 6], [20, 36], [3, 3, 3]),
            ([2, 5, 9], [24, 40], [1, 3, 3]), ([1, 1, 1], [1, 1], [3, 3, 3]),
        ]
        let mixes: [(x: DType, stored: DType, out: DType)] = [
            (.f32, .f32, .f32), (.f32, .bf16, .f32), (.f32, .f16, .f32), (.bf16, .f32, .bf16), (.bf16, .f32, .f32),
            (.bf16, .bf16, .bf16), (.bf16, .f16, .f32), (.f32, .f32, .bf16),
        ]
        var cases: [OpCase] = []
        for (index, size) in sizes.enumerated() {
            for (step, mix) in mixes.enumerated() {
                let hasBias = (index + step) % 3 != 0
                cases.append(
                    convolution(
                        size, mix, hasBias: hasBias, accumulates: (index + step) % 2 != 0,
                        missing: hasBias ? [] : [0]))
            }
        }
        return cases
    }

    /// bf16 with multiples of 8 channels, as tensor cores take them: around tiles of 128 voxels and 64 or 128 channels
    /// that are 32 deep, every frame of the history there or not.
    private static var tiledConvolutions: [OpCase] {
        let sizes: [ConvolutionSize] = [
            ([2, 6, 11], [16, 20], [3, 3, 3]), ([1, 9, 15], [16, 12], [1, 3, 3]), ([2, 8, 16], [96, 3], [3, 1, 1]),
            ([1, 3, 5], [32, 130], [3, 3, 3]), ([2, 3, 4], [96, 96], [1, 3, 3]), ([1, 12, 12], [8, 33], [3, 3, 3]),
            ([2, 5, 5], [16, 3], [3, 3, 3]), ([3, 4, 4], [40, 64], [3, 1, 1]), ([1, 13, 10], [48, 12], [1, 1, 1]),
        ]
        let histories: [Set<Int>] = [[], [0], [0, 1], [1]]
        var cases: [OpCase] = []
        for (index, size) in sizes.enumerated() {
            for (step, missing) in histories.enumerated() {
                cases.append(
                    convolution(
                        size, (.bf16, step % 2 == 0 ? .bf16 : .f32, (index + step / 2) % 2 == 0 ? .f32 : .bf16),
                        hasBias: (index + step) % 3 != 0, accumulates: step % 2 != 0, missing: missing))
            }
        }
        return cases
    }

    /// Windows that are not the causal one: strides with zeros on one side alone, as encoders have, in time as well,
    /// dilation, no zeros, few frames before; with channels for tensor cores and without.
    private static var windowedConvolutions: [OpCase] {
        let halving = Window.Axis(stride: 2, after: 1)
        let around = Window.Axis(before: 1, after: 1)
        let windows: [(kernel: [Int], window: Window)] = [
            ([1, 3, 3], Window(time: Window.Axis(), height: halving, width: halving)),
            ([3, 1, 1], Window(time: Window.Axis(stride: 2, before: 1), height: Window.Axis(), width: Window.Axis())),
            ([3, 3, 3], Window(time: Window.Axis(stride: 2), height: halving, width: around)),
            ([3, 3, 2], Window(time: Window.Axis(before: 2), height: around, width: Window.Axis(stride: 3))),
            (
                [2, 3, 3],
                Window(
                    time: Window.Axis(dilation: 2, before: 2), height: Window.Axis(dilation: 2, before: 2, after: 2),
                    width: Window.Axis(stride: 2, dilation: 3, before: 1, after: 4))
            ),
            ([1, 3, 3], Window(time: Window.Axis(stride: 2), height: Window.Axis(), width: Window.Axis(before: 2))),
        ]
        let mixes: [(x: DType, stored: DType, out: DType)] = [
            (.f32, .f32, .f32), (.bf16, .bf16, .bf16), (.f32, .f16, .bf16), (.bf16, .f32, .f32),
        ]
        var cases: [OpCase] = []
        for (index, (kernel, window)) in windows.enumerated() {
            // The first has more results in a frame than a tile.
            let extent = index == 0 ? [1, 22, 25] : [4, 5, 6 + index]
            for (step, channels) in [[5, 7], [16, 72], [24, 33]].enumerated() {
                for (turn, mix) in mixes.enumerated() {
                    cases.append(
                        convolution(
                            (extent, channels, kernel), mix, hasBias: (step + turn) % 3 != 0,
                            accumulates: (index + turn) % 2 == 0, missing: turn == 3 ? [0] : [], window: window))
                }
            }
        }
        return cases
    }

    typealias ConvolutionSize = (extent: [Int], channels: [Int], kernel: [Int])

    /// `missing` are the frames of the history that are zeros.
    static func convolution(
        _ size: ConvolutionSize, _ mix: (x: DType, stored: DType, out: DType), hasBias: Bool, accumulates: Bool,
        missing: Set<Int>, window given: Window? = nil
    ) -> OpCase {
        let window = given ?? .causal(size.kernel)
        let zeros = missing.filter { $0 < window.time.before }.sorted()
        return OpCase(
            "convolution \(size) \(mix.x) · \(mix.stored) to \(mix.out), bias \(hasBias), accumulate \(accumulates), "
                + "zero frames \(zeros)" + (given.map { ", \($0)" } ?? ""),
            mix.out == .f32 ? 2e-5 : 4e-3
        ) { try convolution($0, size, window, mix, hasBias, accumulates, zeros) }
    }

    private static func convolution(
        _ backend: any Backend, _ size: ConvolutionSize, _ window: Window,
        _ mix: (x: DType, stored: DType, out: DType), _ hasBias: Bool, _ accumulates: Bool, _ zeros: [Int]
    ) throws -> OpResult {
        let (inputs, outputs) = (size.channels[0], size.channels[1])
        let (t, h, w) = (size.extent[0], size.extent[1], size.extent[2])
        let kernel = size.kernel
        let past = window.time.before
        let x = Operand([t + past, h, w, inputs], mix.x, seed: 1)
        let weight = Operand(Shape([outputs, inputs] + kernel), mix.stored, scale: 0.3, seed: 2)
        let bias = Operand([outputs], seed: 3)
        let old = Operand(Shape(window.extent(of: size.extent, kernel: kernel) + [outputs]), mix.out, seed: 4)
        let out = try old.tensor(on: backend)
        let frames = try x.tensor(on: backend)
        var values = x.doubles
        for frame in zeros {
            for index in 0..<h * w * inputs { values[frame * h * w * inputs + index] = 0 }
        }
        try backend.convolution(
            frames[past..<past + t], history: (0..<past).map { zeros.contains($0) ? nil : frames[$0] },
            backend.convolutionWeight(weight.stored, for: mix.x), window: window,
            bias: hasBias ? bias.tensor(on: backend) : nil, accumulate: accumulates, into: out)
        return OpResult(
            try backend.download(out),
            from: convolution(
                values, Operand(weight.values, weight.shape, mix.x).doubles, hasBias ? bias.doubles : nil,
                accumulates ? old.doubles : nil, size, window, old.shape))
    }

    private static func convolution(
        _ x: [Double], _ weight: [Double], _ bias: [Double]?, _ old: [Double]?, _ size: ConvolutionSize,
        _ window: Window, _ out: Shape
    ) -> [Double] {
        let (inputs, outputs) = (size.channels[0], size.channels[1])
        let (h, w) = (size.extent[1], size.extent[2])
        let (kh, kw, taps) = (size.kernel[1], size.kernel[2], size.kernel[0] * size.kernel[1] * size.kernel[2])
        func seen(_ axis: Window.Axis, _ place: Int, _ tap: Int) -> Int { place * axis.stride + tap * axis.dilation }
        var expected: [Double] = []
        for place in 0..<out.rows {
            let (frame, row, column) = (place / (out[1] * out[2]), place / out[2] % out[1], place % out[2])
            for o in 0..<outputs {
                var y = (bias?[o] ?? 0) + (old?[place * outputs + o] ?? 0)
                for tap in 0..<taps {
                    let source = seen(window.time, frame, tap / (kh * kw))
                    let fromRow = seen(window.height, row, tap / kw % kh) - window.height.before
                    let fromColumn = seen(window.width, column, tap % kw) - window.width.before
                    guard (0..<h).contains(fromRow), (0..<w).contains(fromColumn) else { continue }
                    let pixel = ((source * h + fromRow) * w + fromColumn) * inputs
                    for i in 0..<inputs { y += x[pixel + i] * weight[(o * inputs + i) * taps + tap] }
                }
                expected.append(y)
            }
        }
        return expected
    }
}

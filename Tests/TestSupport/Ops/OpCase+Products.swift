import Compute
import Glibc

extension OpCase {
    /// Matrix products with every epilogue: odd sizes with every mix of dtypes, tiles, whole and ragged, and products
    /// that are cut into blocks of rows, columns and depth.
    package static var linear: [OpCase] { mixedProducts + tiledProducts + blockedProducts }

    static let epilogues = ["none", "gelu", "silu", "add", "gated add"]

    /// Operands of bf16 with rows of multiples of 8, as tensor cores take them: around tiles of 64 and 128 rows and
    /// columns that are 32 or 64 deep.
    private static var tiledProducts: [OpCase] {
        let sizes = [
            (64, 64, 64), (128, 64, 128), (130, 40, 136), (65, 72, 33), (7, 264, 129), (129, 16, 12), (1, 8, 3),
            (192, 104, 60),
        ]
        var cases: [OpCase] = []
        for (index, size) in sizes.enumerated() {
            for (turn, after) in epilogues.enumerated() {
                for out in [DType.f32, .bf16] {
                    let stored: DType = (index + turn) % 2 == 0 ? .bf16 : .f32
                    cases.append(
                        linear(size, (.bf16, stored, out), after, hasBias: (index + turn) % 3 != 0))
                }
            }
        }
        return cases
    }

    /// The last one's matrix is packed in two turns.
    private static var blockedProducts: [OpCase] {
        var cases: [OpCase] = []
        for (turn, after) in epilogues.enumerated() {
            cases.append(linear((110, 530, 70), (.f32, turn % 2 == 0 ? .f32 : .bf16, .f32), after, hasBias: turn != 2))
            cases.append(linear((205, 259, 33), (.bf16, turn % 2 == 0 ? .bf16 : .f16, .bf16), after, hasBias: true))
        }
        return cases + [linear((7, 2090, 2010), (.f32, .f16, .f32), "gelu", hasBias: true)]
    }

    static func linear(
        _ size: (m: Int, k: Int, n: Int), _ mix: (x: DType, stored: DType, out: DType), _ after: String, hasBias: Bool
    ) -> OpCase {
        OpCase(
            "linear \(size) \(mix.x) · \(mix.stored) to \(mix.out), \(after), bias \(hasBias)",
            mix.out == .f32 ? 2e-5 : 4e-3
        ) { try product($0, size, mix, after, hasBias) }
    }

    private static var mixedProducts: [OpCase] {
        let sizes = [(1, 48, 64), (7, 5, 3), (33, 130, 12), (50, 32, 48), (9, 256, 1), (17, 1, 31), (20, 96, 80)]
        let mixes: [(x: DType, stored: DType, out: DType)] = [
            (.f32, .f32, .f32), (.f32, .bf16, .f32), (.f32, .f16, .f32), (.bf16, .bf16, .bf16), (.bf16, .f32, .bf16),
            (.bf16, .bf16, .f32), (.bf16, .f16, .f32), (.bf16, .f32, .f32), (.f32, .f32, .bf16), (.f32, .f16, .bf16),
        ]
        var cases: [OpCase] = []
        for (index, size) in sizes.enumerated() {
            for (step, mix) in mixes.enumerated() {
                for turn in 0..<2 {
                    let (after, hasBias) = (epilogues[(index + 2 * step + turn) % 5], (step + turn) % 3 != 0)
                    cases.append(linear(size, mix, after, hasBias: hasBias))
                }
            }
        }
        return cases
    }

    private static func product(
        _ backend: any Backend, _ size: (m: Int, k: Int, n: Int), _ mix: (x: DType, stored: DType, out: DType),
        _ after: String, _ hasBias: Bool
    ) throws -> OpResult {
        let (m, k, n) = size
        let x = Operand([m, k], mix.x, seed: 1)
        let w = Operand([n, k], mix.stored, scale: 0.3, seed: 2)
        let bias = Operand([n], seed: 3)
        let gate = Operand([n], seed: 4)
        let old = Operand([m, n], mix.out, seed: 5)
        let out = try old.tensor(on: backend)
        let epilogues: [String: Epilogue] = [
            "none": .none, "gelu": .gelu, "silu": .silu, "add": .add,
            "gated add": .gatedAdd(gate: try gate.tensor(on: backend)),
        ]
        let weight = try backend.linearWeight(w.stored, for: mix.x)
        try backend.linear(
            x.tensor(on: backend), weight, bias: hasBias ? bias.tensor(on: backend) : nil, epilogues[after] ?? .none,
            into: out)
        return OpResult(
            try backend.download(out),
            from: product(
                x.doubles, Operand(w.values, w.shape, mix.x).doubles, hasBias ? bias.doubles : nil, gate.doubles,
                old.doubles, after))
    }

    private static func product(
        _ x: [Double], _ w: [Double], _ bias: [Double]?, _ gate: [Double], _ old: [Double], _ after: String
    ) -> [Double] {
        let n = gate.count
        let (m, k) = (old.count / n, w.count / n)
        var expected = [Double](repeating: 0, count: m * n)
        for row in 0..<m {
            for column in 0..<n {
                var y = bias?[column] ?? 0
                for i in 0..<k { y += x[row * k + i] * w[column * k + i] }
                let before = old[row * n + column]
                switch after {
                case "gelu": y = geluTanh(y)
                case "silu": y = TestSupport.silu(y)
                case "add": y += before
                case "gated add": y = before + gate[column] * y
                default: break
                }
                expected[row * n + column] = y
            }
        }
        return expected
    }

    /// Convolutions: odd sizes and channels, every kernel of the VAEs; tiles, whole and ragged; and frames that are cut
    /// into blocks of pixels, channels and depth.
    package static var convolution: [OpCase] { mixedConvolutions + tiledConvolutions + blockedConvolutions }

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

    typealias ConvolutionSize = (extent: [Int], channels: [Int], kernel: [Int])

    /// `missing` are the frames of the history that are zeros.
    static func convolution(
        _ size: ConvolutionSize, _ mix: (x: DType, stored: DType, out: DType), hasBias: Bool, accumulates: Bool,
        missing: Set<Int>
    ) -> OpCase {
        let zeros = missing.filter { $0 < size.kernel[0] - 1 }.sorted()
        return OpCase(
            "convolution \(size) \(mix.x) · \(mix.stored) to \(mix.out), bias \(hasBias), accumulate \(accumulates), "
                + "zero frames \(zeros)",
            mix.out == .f32 ? 2e-5 : 4e-3
        ) { try convolution($0, size, mix, hasBias, accumulates, zeros) }
    }

    private static func convolution(
        _ backend: any Backend, _ size: ConvolutionSize, _ mix: (x: DType, stored: DType, out: DType),
        _ hasBias: Bool, _ accumulates: Bool, _ zeros: [Int]
    ) throws -> OpResult {
        let (inputs, outputs) = (size.channels[0], size.channels[1])
        let (t, h, w) = (size.extent[0], size.extent[1], size.extent[2])
        let kernel = size.kernel
        let x = Operand([t + kernel[0] - 1, h, w, inputs], mix.x, seed: 1)
        let weight = Operand(Shape([outputs, inputs] + kernel), mix.stored, scale: 0.3, seed: 2)
        let bias = Operand([outputs], seed: 3)
        let old = Operand([t, h, w, outputs], mix.out, seed: 4)
        let out = try old.tensor(on: backend)
        let frames = try x.tensor(on: backend)
        let past = kernel[0] - 1
        var values = x.doubles
        for frame in zeros {
            for index in 0..<h * w * inputs { values[frame * h * w * inputs + index] = 0 }
        }
        try backend.convolution(
            frames[past..<past + t], history: (0..<past).map { zeros.contains($0) ? nil : frames[$0] },
            backend.convolutionWeight(weight.stored, for: mix.x),
            bias: hasBias ? bias.tensor(on: backend) : nil, accumulate: accumulates, into: out)
        return OpResult(
            try backend.download(out),
            from: convolution(
                values, Operand(weight.values, weight.shape, mix.x).doubles, hasBias ? bias.doubles : nil,
                accumulates ? old.doubles : nil, size))
    }

    private static func convolution(
        _ x: [Double], _ weight: [Double], _ bias: [Double]?, _ old: [Double]?, _ size: ConvolutionSize
    ) -> [Double] {
        let (inputs, outputs) = (size.channels[0], size.channels[1])
        let (t, h, w) = (size.extent[0], size.extent[1], size.extent[2])
        let (kh, kw, taps) = (size.kernel[1], size.kernel[2], size.kernel[0] * size.kernel[1] * size.kernel[2])
        var expected: [Double] = []
        for place in 0..<t * h * w {
            let (frame, row, column) = (place / (h * w), place / w % h, place % w)
            for o in 0..<outputs {
                var y = (bias?[o] ?? 0) + (old?[place * outputs + o] ?? 0)
                for tap in 0..<taps {
                    let source = (frame + tap / (kh * kw), row + tap / kw % kh - kh / 2, column + tap % kw - kw / 2)
                    guard (0..<h).contains(source.1), (0..<w).contains(source.2) else { continue }
                    let pixel = ((source.0 * h + source.1) * w + source.2) * inputs
                    for i in 0..<inputs { y += x[pixel + i] * weight[(o * inputs + i) * taps + tap] }
                }
                expected.append(y)
            }
        }
        return expected
    }

}

func geluTanh(_ x: Double) -> Double { 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) }

func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }

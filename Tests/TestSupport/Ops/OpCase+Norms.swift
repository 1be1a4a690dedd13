import Compute
import Glibc

extension OpCase {
    /// Norms and the rotary embedding: odd widths, every mix of dtypes, in place where that is allowed.
    package static var norms: [OpCase] {
        let shapes: [Shape] = [
            [1, 1], [3, 7], [13, 20], [5, 64], [67, 32], [5, 96], [1, 2, 1536], [2, 5120], [1, 5121],
        ]
        var cases: [OpCase] = []
        for shape in shapes {
            for (x, out) in [(DType.f32, DType.f32), (.f32, .bf16), (.bf16, .bf16), (.bf16, .f32)] {
                let text = "\(shape) \(x) to \(out)"
                if x == .f32 {
                    for affine in [true, false] {
                        cases.append(
                            OpCase("layer norm \(text), affine \(affine)", errorBound(out)) {
                                try layerNorm($0, shape, out, affine)
                            })
                    }
                }
                cases.append(OpCase("RMS norm \(text)", errorBound(out)) { try rmsNorm($0, shape, x, out) })
                for silu in [true, false] {
                    cases.append(
                        OpCase("channel norm \(text), SiLU \(silu)", 2 * errorBound(out)) {
                            try channelNorm($0, shape, x, out, silu)
                        })
                    guard x == out else { continue }
                    cases.append(
                        OpCase("channel norm in place \(text), SiLU \(silu)", 2 * errorBound(out)) {
                            try channelNorm($0, shape, x, out, silu, inPlace: true)
                        })
                }
            }
        }
        for (tokens, heads, headDim) in [
            (1, 1, 2), (9, 3, 16), (33, 2, 6), (7, 5, 12), (5, 12, 128), (2, 40, 128), (1, 171, 30),
        ] {
            for dtype in [DType.f32, .bf16] {
                for turns in [true, false] {
                    cases.append(
                        OpCase(
                            "RMS norm and rotary \(tokens) × \(heads) × \(headDim) \(dtype), turns \(turns)",
                            errorBound(dtype)
                        ) { try rmsNormRotary($0, tokens, heads, headDim, dtype, turns) })
                }
            }
        }
        return cases + groupNorms
    }

    /// Positions in one and in several pieces, groups of one channel, of some and of all.
    private static var groupNorms: [OpCase] {
        let sizes: [(shape: Shape, groups: Int)] = [
            ([1, 4], 2), ([2, 3, 5, 12], 12), ([3, 4, 5, 30], 6), ([2, 9, 7, 64], 32), ([1, 20, 30, 128], 32),
            ([3, 33, 21, 33], 11), ([1, 5, 5, 96], 1),
        ]
        return sizes.flatMap { size in
            [(DType.f32, DType.f32), (.f32, .bf16), (.bf16, .bf16), (.bf16, .f32)].flatMap { x, out in
                [false, true].map { silu in
                    OpCase("group norm \(size) \(x) to \(out), SiLU \(silu)", 2 * errorBound(out)) {
                        try groupNorm($0, size.shape, size.groups, x, out, silu)
                    }
                }
            }
        }
    }

    static func groupNorm(
        _ backend: any Backend, _ shape: Shape, _ groups: Int, _ xType: DType, _ outType: DType, _ silu: Bool
    ) throws -> OpResult {
        // Again a mean far from zero.
        let x = Operand(Operand(shape, seed: 1).values.map { $0 + 5 }, shape, xType)
        let (gain, offset) = (Operand([shape.last], seed: 2), Operand([shape.last], seed: 3))
        let input = try x.tensor(on: backend)
        let out = xType == outType ? input : try backend.allocate(shape, outType)
        try backend.groupNorm(
            input, groups: groups, gain: gain.tensor(on: backend), offset: offset.tensor(on: backend), eps: 1e-6,
            silu: silu, into: out)
        return OpResult(
            try backend.download(out), from: groupNorm(x.doubles, gain.doubles, offset.doubles, groups, silu))
    }

    private static func groupNorm(
        _ x: [Double], _ gain: [Double], _ offset: [Double], _ groups: Int, _ silu: Bool
    ) -> [Double] {
        let channels = gain.count
        let size = channels / groups
        var expected = x
        for group in 0..<groups {
            let members = x.indices.filter { $0 % channels / size == group }
            let mean = members.reduce(0) { $0 + x[$1] } / Double(members.count)
            let variance = members.reduce(0) { $0 + (x[$1] - mean) * (x[$1] - mean) } / Double(members.count)
            for index in members {
                let channel = index % channels
                let y = (x[index] - mean) / (variance + 1e-6).squareRoot() * gain[channel] + offset[channel]
                expected[index] = silu ? TestSupport.silu(y) : y
            }
        }
        return expected
    }

    static func layerNorm(
        _ backend: any Backend, _ shape: Shape, _ outType: DType, _ affine: Bool
    ) throws -> OpResult {
        // A mean far from zero: the variance must not be a difference of large numbers.
        let x = Operand(Operand(shape, seed: 1).values.map { $0 + 20 }, shape)
        let gain = Operand([shape.last], seed: 2)
        let offset = Operand([shape.last], seed: 3)
        let out = try backend.allocate(shape, outType)
        try backend.layerNorm(
            x.tensor(on: backend), gain: affine ? gain.tensor(on: backend) : nil,
            offset: affine ? offset.tensor(on: backend) : nil, eps: 1e-6, into: out)
        let expected = byRow(x.doubles, shape.last) { row in
            let mean = row.reduce(0, +) / Double(row.count)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
            return row.indices.map {
                let y = (row[$0] - mean) / (variance + 1e-6).squareRoot()
                return affine ? y * Double(gain.values[$0]) + Double(offset.values[$0]) : y
            }
        }
        return OpResult(try backend.download(out), from: expected)
    }

    static func rmsNorm(
        _ backend: any Backend, _ shape: Shape, _ xType: DType, _ outType: DType
    ) throws -> OpResult {
        let x = Operand(shape, xType, seed: 1)
        let gain = Operand([shape.last], seed: 2)
        let input = try x.tensor(on: backend)
        let out = xType == outType ? input : try backend.allocate(shape, outType)
        try backend.rmsNorm(input, gain: gain.tensor(on: backend), eps: 1e-6, into: out)
        return OpResult(try backend.download(out), from: rmsNorm(x.doubles, gain.doubles))
    }

    private static func rmsNorm(_ x: [Double], _ gain: [Double]) -> [Double] {
        byRow(x, gain.count) { row in
            let scale = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(row.count) + 1e-6).squareRoot()
            return row.indices.map { row[$0] * scale * gain[$0] }
        }
    }

    static func channelNorm(
        _ backend: any Backend, _ shape: Shape, _ xType: DType, _ outType: DType, _ silu: Bool,
        inPlace: Bool = false
    ) throws -> OpResult {
        let x = Operand(shape, xType, seed: 1)
        let gain = Operand([shape.last], seed: 2)
        let given = try x.tensor(on: backend)
        let out = try inPlace ? given : backend.allocate(shape, outType)
        try backend.channelNorm(given, gain: gain.tensor(on: backend), silu: silu, into: out)
        let expected = byRow(x.doubles, shape.last) { row in
            let length = max(row.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
            return row.indices.map {
                let y = row[$0] / length * Double(row.count).squareRoot() * Double(gain.values[$0])
                return silu ? TestSupport.silu(y) : y
            }
        }
        return OpResult(try backend.download(out), from: expected)
    }

    static func rmsNormRotary(
        _ backend: any Backend, _ tokens: Int, _ heads: Int, _ headDim: Int, _ dtype: DType, _ turns: Bool
    ) throws -> OpResult {
        let width = heads * headDim
        let x = Operand([tokens, width], dtype, seed: 1)
        let gain = Operand([width], seed: 2)
        let angles = Operand([tokens, headDim / 2], scale: 3, seed: 3)
        let cosine = Operand(angles.values.map { cos($0) }, angles.shape)
        let sine = Operand(angles.values.map { sin($0) }, angles.shape)
        let table = RotaryTable(cosine: try cosine.tensor(on: backend), sine: try sine.tensor(on: backend))
        let out = try x.tensor(on: backend)
        try backend.rmsNormRotary(
            out, gain: gain.tensor(on: backend), eps: 1e-6, heads: heads, rotary: turns ? table : nil)
        var expected = rmsNorm(x.doubles, gain.doubles)
        if turns {
            for index in stride(from: 0, to: tokens * width, by: 2) {
                let angle = index / width * (headDim / 2) + index % headDim / 2
                let (c, s) = (Double(cosine.values[angle]), Double(sine.values[angle]))
                let (a, b) = (expected[index], expected[index + 1])
                expected[index] = a * c - b * s
                expected[index + 1] = a * s + b * c
            }
        }
        return OpResult(try backend.download(out), from: expected)
    }

    private static func byRow(_ x: [Double], _ width: Int, _ body: ([Double]) -> [Double]) -> [Double] {
        stride(from: 0, to: x.count, by: width).flatMap { body(Array(x[$0..<$0 + width])) }
    }
}

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
        return cases + headNorms + runNorms + groupNorms + placeNorms
    }

    /// Heads of few and of many pairs, of vectors and of none, with and without turning.
    private static var headNorms: [OpCase] {
        let sizes = [(1, 1, 2), (9, 3, 16), (33, 2, 6), (7, 5, 12), (5, 48, 64), (70, 30, 64), (3, 2, 130)]
        return sizes.flatMap { tokens, heads, headDim in
            [DType.f32, .bf16].flatMap { dtype in
                [true, false].map { turns in
                    OpCase(
                        "layer norm of heads and rotary \(tokens) × \(heads) × \(headDim) \(dtype), turns \(turns)",
                        errorBound(dtype)
                    ) { try layerNormRotary($0, tokens, heads, headDim, dtype, turns) }
                }
            }
        }
    }

    /// Gain and offset for runs of rows: even ones, ones of given lengths, none at all among them, and a vector for all
    /// beside them.
    private static var runNorms: [OpCase] {
        let runs: [(rows: Int, groups: Int, runs: RowRuns)] = [
            (12, 3, .even), (5, 5, .even), (13, 2, .lengths([4, 9])), (13, 3, .lengths([12, 0, 1])),
            (70, 2, .lengths([1, 69])),
        ]
        return runs.flatMap { rows, groups, runs in
            [20, 64, 1536].flatMap { width in
                [DType.f32, .bf16].flatMap { out in
                    [true, false].map { sharesOffset in
                        OpCase(
                            "layer norm \(rows) × \(width) to \(out), \(groups) runs \(runs), shares \(sharesOffset)",
                            errorBound(out)
                        ) { try layerNorm($0, rows, width, groups, runs, out, sharesOffset) }
                    }
                }
            }
        }
    }

    /// Vectors of places as large as x, of half and of a quarter of its extent, with and without a first frame of its
    /// own.
    private static var placeNorms: [OpCase] {
        let sizes: [(shape: Shape, places: [Int], groups: Int, parts: Bool)] = [
            ([1, 2, 3, 12], [1, 2, 3], 3, false), ([1, 4, 6, 8], [1, 2, 3], 2, true),
            ([5, 4, 6, 10], [3, 2, 3], 5, true), ([9, 6, 4, 32], [3, 3, 1], 16, true),
            ([4, 8, 12, 32], [2, 2, 3], 8, false), ([2, 7, 5, 6], [2, 7, 5], 6, false),
            ([3, 16, 16, 64], [2, 4, 4], 8, true),
        ]
        return sizes.flatMap { size in
            [(DType.f32, DType.f32), (.f32, .bf16), (.bf16, .bf16), (.bf16, .f32)].flatMap { x, out in
                [false, true].map { silu in
                    OpCase("group norm with places \(size) \(x) to \(out), SiLU \(silu)", 2 * errorBound(out)) {
                        try groupNorm($0, size.shape, size.groups, x, out, silu, (size.places, size.parts))
                    }
                }
            }
        }
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
        _ backend: any Backend, _ shape: Shape, _ groups: Int, _ xType: DType, _ outType: DType, _ silu: Bool,
        _ places: (extent: [Int], parts: Bool)? = nil
    ) throws -> OpResult {
        // Again a mean far from zero.
        let x = Operand(Operand(shape, seed: 1).values.map { $0 + 5 }, shape, xType)
        let (gain, offset) = (Operand([shape.last], seed: 2), Operand([shape.last], seed: 3))
        let input = try x.tensor(on: backend)
        let out = xType == outType ? input : try backend.allocate(shape, outType)
        let placed = places.map { places in
            [4, 5].map { Operand(Shape(places.extent + [shape.last]), seed: $0) }
        }
        let vectors = try placed.map {
            PlaceVectors(
                gain: try $0[0].tensor(on: backend), offset: try $0[1].tensor(on: backend),
                partsFirstFrame: places?.parts == true)
        }
        try backend.groupNorm(
            input, groups: groups, gain: gain.tensor(on: backend), offset: offset.tensor(on: backend), places: vectors,
            eps: 1e-6, silu: silu, into: out)
        func nearest(_ index: Int) -> (Double, Double)? {
            guard let places, let placed else { return nil }
            let place = nearestPlace(index / shape.last, shape.dims, places.extent, places.parts)
            let from = place * shape.last + index % shape.last
            return (placed[0].doubles[from], placed[1].doubles[from])
        }
        return OpResult(
            try backend.download(out),
            from: groupNorm(x.doubles, gain.doubles, offset.doubles, groups, silu, nearest))
    }

    /// As torch's nearest neighbours are, frame by frame where the first has its own.
    private static func nearestPlace(_ position: Int, _ all: [Int], _ own: [Int], _ parts: Bool) -> Int {
        let (frame, line, column) = (position / (all[1] * all[2]), position / all[2] % all[1], position % all[2])
        func scaled(_ place: Int, _ from: Int, _ to: Int) -> Int { Int(Double(place) * Double(to) / Double(from)) }
        let first = parts && all[0] > 1
        let ownFrame =
            first ? (frame == 0 ? 0 : 1 + scaled(frame - 1, all[0] - 1, own[0] - 1)) : scaled(frame, all[0], own[0])
        return (ownFrame * own[1] + scaled(line, all[1], own[1])) * own[2] + scaled(column, all[2], own[2])
    }

    private static func groupNorm(
        _ x: [Double], _ gain: [Double], _ offset: [Double], _ groups: Int, _ silu: Bool,
        _ nearest: (Int) -> (Double, Double)?
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
                var y = (x[index] - mean) / (variance + 1e-6).squareRoot() * gain[channel] + offset[channel]
                if let (by, plus) = nearest(index) { y = y * by + plus }
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

    static func layerNorm(
        _ backend: any Backend, _ rows: Int, _ width: Int, _ groups: Int, _ runs: RowRuns, _ outType: DType,
        _ sharesOffset: Bool
    ) throws -> OpResult {
        let x = Operand(Operand([rows, width], seed: 1).values.map { $0 + 3 }, [rows, width])
        let gain = Operand([groups, width], seed: 2)
        let offset = Operand(sharesOffset ? [width] : [groups, width], seed: 3)
        let out = try backend.allocate(x.shape, outType)
        try backend.layerNorm(
            x.tensor(on: backend), gain: gain.tensor(on: backend), offset: offset.tensor(on: backend), runs: runs,
            eps: 1e-6, into: out)
        let groupOf = groupsOfRows(rows, groups, runs)
        let expected = (0..<rows).flatMap { row in
            let normed = normalised(Array(x.doubles[row * width..<(row + 1) * width]))
            return normed.indices.map {
                let of = groupOf[row] * width + $0
                return normed[$0] * gain.doubles[of] + offset.doubles[sharesOffset ? $0 : of]
            }
        }
        return OpResult(try backend.download(out), from: expected)
    }

    /// The group of each row.
    static func groupsOfRows(_ rows: Int, _ groups: Int, _ runs: RowRuns) -> [Int] {
        switch runs {
        case .even: (0..<rows).map { $0 * groups / rows }
        case .lengths(let lengths):
            lengths.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element) }
        }
    }

    private static func normalised(_ row: [Double]) -> [Double] {
        let mean = row.reduce(0, +) / Double(row.count)
        let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
        return row.map { ($0 - mean) / (variance + 1e-6).squareRoot() }
    }

    static func layerNormRotary(
        _ backend: any Backend, _ tokens: Int, _ heads: Int, _ headDim: Int, _ dtype: DType, _ turns: Bool
    ) throws -> OpResult {
        let width = heads * headDim
        let x = Operand(Operand([tokens, width], seed: 1).values.map { $0 + 2 }, [tokens, width], dtype)
        let (gain, offset) = (Operand([headDim], seed: 2), Operand([headDim], seed: 4))
        let angles = Operand([tokens, headDim / 2], scale: 3, seed: 3)
        let cosine = Operand(angles.values.map { cos($0) }, angles.shape)
        let sine = Operand(angles.values.map { sin($0) }, angles.shape)
        let table = RotaryTable(cosine: try cosine.tensor(on: backend), sine: try sine.tensor(on: backend))
        let out = try x.tensor(on: backend)
        try backend.layerNormRotary(
            out, gain: gain.tensor(on: backend), offset: offset.tensor(on: backend), eps: 1e-6, heads: heads,
            rotary: turns ? table : nil)
        let expected = byRow(x.doubles, headDim) { head in
            zip(normalised(head), zip(gain.doubles, offset.doubles)).map { $0 * $1.0 + $1.1 }
        }
        return OpResult(
            try backend.download(out),
            from: turns ? turned(expected, width, headDim, cosine.doubles, sine.doubles) : expected)
    }

    /// Pairs of neighbours of each head, turned by the angle of their row.
    private static func turned(
        _ x: [Double], _ width: Int, _ headDim: Int, _ cosine: [Double], _ sine: [Double]
    ) -> [Double] {
        stride(from: 0, to: x.count, by: 2).flatMap { index in
            let angle = index / width * (headDim / 2) + index % headDim / 2
            let (a, b) = (x[index], x[index + 1])
            return [a * cosine[angle] - b * sine[angle], a * sine[angle] + b * cosine[angle]]
        }
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
        let expected = rmsNorm(x.doubles, gain.doubles)
        return OpResult(
            try backend.download(out),
            from: turns ? turned(expected, width, headDim, cosine.doubles, sine.doubles) : expected)
    }

    private static func byRow(_ x: [Double], _ width: Int, _ body: ([Double]) -> [Double]) -> [Double] {
        stride(from: 0, to: x.count, by: width).flatMap { body(Array(x[$0..<$0 + width])) }
    }
}

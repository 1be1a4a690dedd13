package import Compute
import Weights

extension OpCase {
    /// Products with quantised matrices of every format, and what else reads them: few rows, odd sizes, several parts
    /// of the depth, every epilogue.
    package static var quantised: [OpCase] {
        let blocks: [(m: Int, k: Int, n: Int)] = [(3, 256, 70), (7, 512, 33), (38, 1280, 65)]
        let bytes: [(m: Int, k: Int, n: Int)] = [(3, 250, 70), (7, 509, 33), (38, 1283, 65)]
        var cases: [OpCase] = []
        for (turn, format) in Quantisation.allCases.enumerated() {
            let isBytes = format.blockCount == 1
            let extents: [WeightScales.Extent?] = isBytes ? [nil, .matrix, .row, .tile(128)] : [nil]
            for (number, size) in (isBytes ? bytes : blocks).enumerated() {
                let mixes: [(x: DType, out: DType)] = [(.f32, .f32), (.bf16, .f32), (.bf16, .bf16)]
                for (step, mix) in mixes.enumerated() {
                    let after = epilogues[(turn + number + step) % epilogues.count]
                    let extent = extents[(number + step) % extents.count]
                    cases.append(quantised(size, format, extent, mix, after))
                }
            }
            cases.append(table(format))
            cases += cuts(format)
        }
        return cases + [.matrix, .row, .tile(128), .tile(30)].map(scaled)
    }

    /// Matrices that are packed in two turns, the last of them by parts of their depth.
    package static var deepQuantised: [OpCase] {
        [Quantisation.q8_0, .q5K, .e4m3, .int8].flatMap { format in
            let extent: WeightScales.Extent? = format == .int8 ? .tile(128) : nil
            return [
                quantised((12, 2304, 2050), format, extent, (.f32, .f32), "gelu"),
                quantised((12, 2560, 2050), format, extent, (.f32, .f32), "gated add"),
            ]
        }
    }

    private static func quantised(
        _ size: (m: Int, k: Int, n: Int), _ format: Quantisation, _ extent: WeightScales.Extent?,
        _ mix: (x: DType, out: DType), _ after: String
    ) -> OpCase {
        // Levels of 16 bits for x, or the matrix rounded to the dtype of x.
        OpCase(
            "linear \(size) \(mix.x) · \(format.rawValue) \(extent.map { "\($0)" } ?? "") to \(mix.out), \(after)",
            mix.x == .f32 && mix.out == .f32 ? 1e-4 : 6e-3
        ) { backend in
            let stored = StoredTensor(random: format, [size.n, size.k], extent)
            let values = try backend.download(backend.vector(stored))
            return try product(backend, size, stored, Operand(values, [size.n, size.k]), mix, after)
        }
    }

    /// Whole numbers times their scales.
    private static func scaled(_ extent: WeightScales.Extent) -> OpCase {
        OpCase("numbers with a scale for each \(extent)", 1e-9) { backend in
            let (rows, columns) = (200, 250)
            let stored = StoredTensor(random: .int8, [rows, columns], extent)
            let (levels, scales) = (stored.bytes.copied, stored.scales?.values.floats ?? [])
            let expected = (0..<rows * columns).map { index in
                let (row, column) = (index / columns, index % columns)
                let place =
                    switch extent {
                    case .matrix: 0
                    case .row: row
                    case .tile(let side): row / side * ((columns + side - 1) / side) + column / side
                    }
                return Double(Float(Int8(bitPattern: levels[index])) * scales[place])
            }
            return OpResult(try backend.download(backend.vector(stored)), from: expected)
        }
    }

    /// Some rows of a matrix, also ones that begin within a tile, and a product with them.
    private static func cuts(_ format: Quantisation) -> [OpCase] {
        let extents: [WeightScales.Extent?] = format.blockCount == 1 ? [.matrix, .row, .tile(128)] : [nil]
        return extents.flatMap { extent in
            let name = "rows 37 to 180 of \(format.rawValue) \(extent.map { "\($0)" } ?? "")"
            let range = 37..<180
            @Sendable func parts(_ backend: any Backend) throws -> (cut: StoredTensor, values: [Float]) {
                let whole = StoredTensor(random: format, [200, 256], extent)
                let values = try backend.download(backend.vector(whole))
                // Twice, so that the second cut begins within a tile of the first.
                let cut = whole[7..<200][range.lowerBound - 7..<range.upperBound - 7]
                return (cut, Array(values[range.lowerBound * 256..<range.upperBound * 256]))
            }
            return [
                OpCase(name, 1e-9) { backend in
                    let (cut, values) = try parts(backend)
                    return OpResult(try backend.download(backend.vector(cut)), from: values.map(Double.init))
                },
                OpCase("product with \(name)", 1e-4) { backend in
                    let (cut, values) = try parts(backend)
                    let size = (m: 9, k: 256, n: range.count)
                    return try product(backend, size, cut, Operand(values, cut.shape), (.f32, .f32), "none")
                },
            ]
        }
    }

    private static func table(_ format: Quantisation) -> OpCase {
        OpCase("rows of a table of \(format.rawValue)", 1e-7) { backend in
            let stored = StoredTensor(random: format, [9, 512], format.blockCount == 1 ? .row : nil)
            let values = try backend.download(backend.vector(stored))
            let ids: [Int32] = [8, 0, 3, 3, 7]
            let out = try backend.allocate([ids.count, 512], .f32)
            try backend.embedding(ids, backend.resident(stored), into: out)
            return OpResult(
                try backend.download(out),
                from: ids.flatMap { values[Int($0) * 512..<(Int($0) + 1) * 512].map(Double.init) })
        }
    }
}

extension StoredTensor {
    /// Random bytes with small finite scales.
    package init(random format: Quantisation, _ shape: Shape, _ extent: WeightScales.Extent? = nil) {
        var random = TestRandom(seed: shape.count)
        let halves: [Int] =
            switch format {
            case .q4_0, .q5_0, .q8_0, .iq4NL, .iq4XS: [0]
            case .q4_1, .q5_1, .q4K, .q5K: [0, 2]
            case .q2K: [80, 82]
            case .q3K: [108]
            case .q6K: [208]
            case .e4m3, .e5m2, .int8: []
            }
        var bytes = (0..<shape.count / format.blockCount * format.blockBytes).map { _ in
            UInt8(truncatingIfNeeded: random.next())
        }
        for start in stride(from: 0, to: bytes.count, by: format.blockBytes) {
            // f16 from 1/128 to 1/32, with either sign.
            for half in halves { bytes[start + half + 1] = 0x20 | UInt8(random.below(8)) | UInt8(random.below(2) << 7) }
            // Neither infinite nor huge.
            if format == .e4m3, bytes[start] & 0x70 == 0x70 { bytes[start] ^= 0x40 }
            if format == .e5m2 { bytes[start] &= 0xbf }
        }
        let rows = shape[0]
        let columns = shape.count / rows
        let scales = extent.map { extent in
            let count = WeightScales.count(per: extent, rows: rows, columns: columns)
            let values = (0..<count).map { _ in Float(1 + random.below(1000)) / 16384 }
            return WeightScales(unsafe HeapBytes(values.withUnsafeBytes { unsafe Array($0) }).host, per: extent)
        }
        self.init(bytes: HeapBytes(bytes).host, format: .quantised(format), shape: shape, scales: scales)
    }
}

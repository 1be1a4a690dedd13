package import Compute

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
        }
        return cases
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
            case .q4_0, .q5_0, .q8_0: [0]
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

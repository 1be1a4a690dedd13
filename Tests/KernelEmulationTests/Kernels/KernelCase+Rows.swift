import CKernels
import Glibc
import KernelEmulation

/// Softmax and the norms of rows, where several warps share a row.
extension KernelCase {
    static let rows =
        [softmax("softmax_f32", isBF16: false), softmax("softmax_bf16", isBF16: true)]
        + [1104, 1101].flatMap { width in
            ["f32_f32", "f32_bf16"].map { norm(.layer, $0, width: width) }
                + ["f32_f32", "f32_bf16", "bf16_f32", "bf16_bf16"].flatMap { dtypes in
                    [norm(.rms, dtypes, width: width), norm(.channel, dtypes, width: width)]
                }
        } + [128, 122].flatMap { [rotaryNorm("f32", headDim: $0), rotaryNorm("bf16", headDim: $0)] }
        + [1104, 1102].flatMap { [headNorm("f32", headDim: $0), headNorm("bf16", headDim: $0)] }

    private static func softmax(_ name: String, isBF16: Bool) -> KernelCase {
        let (rows, keys, stride) = (2, 1100, 1104)
        let scores = floats(rows * stride)
        let expected = (0..<rows).flatMap { row in
            let weights = (0..<keys).map { exp(Double(scores[row * stride + $0])) }
            let sum = weights.reduce(0, +)
            return weights.map { Float($0 / sum) } + [Float](repeating: 0, count: stride - keys)
        }
        return KernelCase(name: name) { trial in
            let s = DeviceArray(scores)
            let p = FloatArray([Float](repeating: 1, count: scores.count), isBF16: isBF16)
            var arguments = ck_softmax_arguments()
            (arguments.s, arguments.p) = (s.address, p.address)
            (arguments.batch, arguments.heads) = (1, 1)
            (arguments.queries, arguments.all_queries) = (Int32(rows + trial.excess), Int32(rows + trial.excess))
            (arguments.keys, arguments.scale) = (Int32(keys), 1)
            (arguments.s_stride, arguments.p_stride) = (Int32(stride), Int32(stride))
            arguments.p_dtype = Int32((isBF16 ? CK_DTYPE_BF16 : CK_DTYPE_F32).rawValue)
            let run = EmulatedRun(
                name, grid: (UInt32(rows + trial.excess), 1, 1), threads: UInt32(CK_SOFTMAX_THREADS),
                shared: CK_SOFTMAX_SHARED, arguments, trial)
            return (run, p.isClose(to: expected))
        }
    }

    private enum Norm: String { case layer, rms, channel }

    /// `width` is read by vectors where it is a multiple of 8.
    private static func norm(_ norm: Norm, _ dtypes: String, width: Int) -> KernelCase {
        let rows = 5
        let eps: Float = 1e-5
        let x = floats(rows * width)
        let gain = (0..<width).map { Float($0 % 4) - 1 }
        let expected = (0..<rows).flatMap { row in
            let row = x[row * width..<(row + 1) * width].map { Double($0) }
            let mean = norm == .layer ? row.reduce(0, +) / Double(width) : 0
            let squares = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let factor = 1 / (squares / Double(width) + (norm == .channel ? 0 : Double(eps))).squareRoot()
            return zip(row, gain).map { Float(($0 - mean) * factor * Double($1)) }
        }
        let name = "\(norm)_norm_\(dtypes)"
        return KernelCase(name: "\(name), width \(width)") { trial in
            let input = FloatArray(x, isBF16: dtypes.hasPrefix("bf16"))
            let gain = DeviceArray(gain)
            let out = FloatArray([Float](repeating: 0, count: x.count), isBF16: dtypes.hasSuffix("bf16"))
            var arguments = ck_norm_arguments()
            (arguments.x, arguments.out, arguments.gain) = (input.address, out.address, gain.address)
            (arguments.rows, arguments.width) = (Int32(rows + trial.excess), Int32(width))
            arguments.eps = eps
            let run = EmulatedRun(
                name, grid: normGrid(rows: rows + trial.excess, width: width), threads: UInt32(CK_NORM_THREADS),
                shared: CK_NORM_SHARED, arguments, trial)
            return (run, out.isClose(to: expected))
        }
    }

    /// Vectors where a head is a multiple of 8.
    private static func rotaryNorm(_ dtype: String, headDim: Int) -> KernelCase {
        let rows = 5
        let heads = 9
        let width = heads * headDim
        let eps: Float = 1e-5
        let x = floats(rows * width)
        let gain = (0..<width).map { Float($0 % 4) - 1 }
        let angles = (0..<rows * headDim / 2).map { Float($0 % 11) * 0.3 }
        let expected = (0..<rows).flatMap { row in
            let values = x[row * width..<(row + 1) * width].map { Double($0) }
            let factor = 1 / (values.reduce(0) { $0 + $1 * $1 } / Double(width) + Double(eps)).squareRoot()
            return (0..<width / 2).flatMap { pair in
                let a = values[2 * pair] * factor * Double(gain[2 * pair])
                let b = values[2 * pair + 1] * factor * Double(gain[2 * pair + 1])
                let angle = Double(angles[row * headDim / 2 + pair % (headDim / 2)])
                return [Float(a * cos(angle) - b * sin(angle)), Float(a * sin(angle) + b * cos(angle))]
            }
        }
        let cosines = angles.map { cosf($0) }
        let sines = angles.map { sinf($0) }
        return KernelCase(name: "rms_norm_rotary_\(dtype), head of \(headDim)") { trial in
            let array = FloatArray(x, isBF16: dtype == "bf16")
            let gain = DeviceArray(gain)
            let cosine = DeviceArray(cosines)
            let sine = DeviceArray(sines)
            var arguments = ck_norm_rotary_arguments()
            (arguments.x, arguments.gain) = (array.address, gain.address)
            (arguments.cosine, arguments.sine) = (cosine.address, sine.address)
            (arguments.rows, arguments.eps) = (Int32(rows + trial.excess), eps)
            (arguments.heads, arguments.head_dim) = (Int32(heads), Int32(headDim))
            let run = EmulatedRun(
                "rms_norm_rotary_\(dtype)", grid: normGrid(rows: rows + trial.excess, width: width),
                threads: UInt32(CK_NORM_THREADS), shared: CK_NORM_SHARED, arguments, trial)
            return (run, array.isClose(to: expected))
        }
    }

    /// Vectors where a head is a multiple of 8; nothing is turned, and the offset is such that nothing cancels.
    private static func headNorm(_ dtype: String, headDim: Int) -> KernelCase {
        let (rows, heads) = (3, 2)
        let eps: Float = 1e-5
        let x = floats(rows * heads * headDim)
        let gain = (0..<headDim).map { Float($0 % 4) - 1 }
        let offset = (0..<headDim).map { 6 + Float($0 % 3) }
        let expected = (0..<rows * heads).flatMap { row in
            let values = x[row * headDim..<(row + 1) * headDim].map { Double($0) }
            let mean = values.reduce(0, +) / Double(headDim)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(headDim)
            let factor = 1 / (variance + Double(eps)).squareRoot()
            return values.indices.map { Float((values[$0] - mean) * factor * Double(gain[$0]) + Double(offset[$0])) }
        }
        return KernelCase(name: "layer_norm_rotary_\(dtype), head of \(headDim)") { trial in
            let array = FloatArray(x, isBF16: dtype == "bf16")
            let (gain, offset) = (DeviceArray(gain), DeviceArray(offset))
            var arguments = ck_layer_norm_rotary_arguments()
            (arguments.x, arguments.gain, arguments.offset) = (array.address, gain.address, offset.address)
            (arguments.rows, arguments.eps) = (Int32(rows + trial.excess), eps)
            (arguments.heads, arguments.head_dim) = (Int32(heads), Int32(headDim))
            let run = EmulatedRun(
                "layer_norm_rotary_\(dtype)", grid: normGrid(rows: (rows + trial.excess) * heads, width: headDim),
                threads: UInt32(CK_NORM_THREADS), shared: CK_NORM_SHARED, arguments, trial)
            return (run, array.isClose(to: expected))
        }
    }

    private static func normGrid(rows: Int, width: Int) -> (UInt32, UInt32, UInt32) {
        var threads = 1
        while threads * CK_NORM_HELD < width { threads *= 2 }
        return (pieces(rows, CK_NORM_THREADS / threads), 1, 1)
    }
}

import CKernels
import KernelEmulation

extension KernelCase {
    static let products =
        [
            product("gemm_128x128", tile: 128), product("gemm_64x64", tile: 64),
            product("gemm_kn_128x128", tile: 128, isDepthFirst: true),
            product("gemm_kn_64x64", tile: 64, isDepthFirst: true),
            product("gemm_simt", tile: CK_SIMT_TILE, isSimple: true),
            product("gemm_kn_simt", tile: CK_SIMT_TILE, isDepthFirst: true, isSimple: true),
        ]

    static let hopperProducts = [
        hopperProduct(rows: 256, shared: CK_GEMM_SM90_256X192_SHARED),
        hopperProduct(rows: 128, shared: CK_GEMM_SM90_128X192_SHARED),
    ]

    /// Where `isSimple`, without tensor cores.
    private static func product(
        _ name: String, tile: Int, isDepthFirst: Bool = false, isSimple: Bool = false
    ) -> KernelCase {
        KernelCase(name: name) { trial in
            let problem = ProductProblem.small
            let (m, n, k) = (problem.m + trial.excess, problem.n, problem.k)
            let a = DeviceArray(problem.a)
            let b = DeviceArray(isDepthFirst ? problem.transposedB : problem.b)
            let out = DeviceArray(problem.old)
            let bias = DeviceArray(problem.bias)
            let gate = DeviceArray(problem.gate)
            var arguments = ck_gemm_arguments()
            (arguments.a, arguments.b, arguments.out) = (a.address, b.address, out.address)
            (arguments.bias, arguments.gate) = (bias.address, gate.address)
            (arguments.outer, arguments.inner, arguments.alpha) = (1, 1, 1)
            (arguments.m, arguments.n, arguments.k) = (Int32(m), Int32(n), Int32(k))
            (arguments.a_stride, arguments.b_stride) = (Int32(k), Int32(isDepthFirst ? n : k))
            arguments.out_stride = Int32(n)
            arguments.epilogue = Int32(CK_EPILOGUE_GATED_ADD.rawValue)
            (arguments.a_dtype, arguments.b_dtype) = (Int32(CK_DTYPE_BF16.rawValue), Int32(CK_DTYPE_BF16.rawValue))
            arguments.out_dtype = Int32(CK_DTYPE_F32.rawValue)
            let run = EmulatedRun(
                name, grid: (pieces(m, tile) * pieces(n, tile), 1, 1),
                threads: UInt32(isSimple ? CK_SIMT_THREADS : CK_GEMM_THREADS),
                shared: isSimple ? CK_SIMT_SHARED : CK_GEMM_SHARED, arguments, trial)
            return (run, out.values == problem.expected)
        }
    }

    private static func hopperProduct(rows: Int, shared: Int) -> KernelCase {
        KernelCase(name: "gemm_sm90_\(rows)x192") { trial in
            let problem = ProductProblem.deep
            let (m, n, k) = (problem.m + trial.excess, problem.n, problem.k)
            let a = DeviceArray(problem.a)
            let b = DeviceArray(problem.b)
            let out = DeviceArray(problem.old)
            let bias = DeviceArray(problem.bias)
            let gate = DeviceArray(problem.gate)
            var arguments = ck_gemm_sm90_arguments()
            arguments.a = tensorMap(a.address, rows: m, columns: k, box: (64, rows))
            arguments.b = tensorMap(b.address, rows: n, columns: k, box: (64, 192))
            arguments.out = tensorMap(out.address, rows: m, columns: n, elementBytes: 4, box: (32, 64))
            (arguments.bias, arguments.gate) = (bias.address, gate.address)
            (arguments.m, arguments.n, arguments.k) = (Int32(m), Int32(n), Int32(k))
            (arguments.epilogue, arguments.alpha) = (Int32(CK_EPILOGUE_GATED_ADD.rawValue), 1)
            arguments.out_dtype = Int32(CK_DTYPE_F32.rawValue)
            let run = EmulatedRun(
                "gemm_sm90_\(rows)x192", threads: UInt32(CK_GEMM_SM90_THREADS), shared: shared, arguments, trial)
            return (run, out.values == problem.expected)
        }
    }
}

/// Pieces of a launch's grid.
func pieces(_ extent: Int, _ size: Int) -> UInt32 { UInt32((extent + size - 1) / size) }

/// Adds gate · (a bᵀ + bias) to what is there, in integers.
///
/// The operands' rows come again at distances that no tile has, so that few sums make the whole result.
private struct ProductProblem: Sendable {
    let m: Int, n: Int, k: Int
    let a: [UInt16], b: [UInt16], transposedB: [UInt16]
    let bias: [Float], gate: [Float], old: [Float], expected: [Float]

    static let small = ProductProblem(m: 72, n: 72, k: 328)
    /// Several tiles of sm_90a's kernels, more stages deep than a block has.
    static let deep = ProductProblem(m: 300, n: 200, k: 584)

    private init(m: Int, n: Int, k: Int) {
        let left = Matrix(rows: 37, columns: k)
        let right = Matrix(rows: 41, columns: k)
        a = (0..<m).flatMap { left.stored[$0 % 37 * k..<($0 % 37 + 1) * k] }
        b = (0..<n).flatMap { right.stored[$0 % 41 * k..<($0 % 41 + 1) * k] }
        transposedB = (0..<k * n).map { right.transposed[$0 / n * 41 + $0 % n % 41] }
        let bias = (0..<n).map { Float($0 % 7 - 3) }
        let gate = (0..<n).map { Float($0 % 5 - 2) }
        let old = (0..<m * n).map { Float($0 % 11) }
        let sums = left.times(right)
        expected = (0..<m * n).map { i in
            let (row, column) = (i / n, i % n)
            return old[i] + gate[column] * (Float(sums[row % 37 * 41 + column % 41]) + bias[column])
        }
        (self.m, self.n, self.k) = (m, n, k)
        (self.bias, self.gate, self.old) = (bias, gate, old)
    }
}

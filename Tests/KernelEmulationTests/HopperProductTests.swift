import CKernels
import KernelEmulation
import Testing

/// The matrix kernels of sm_90a where one block computes several tiles, more stages deep than it has.
struct HopperProductTests {
    @Test(arguments: HopperProduct.allCases)
    func `tiles of one block follow each other without a violation, in any order of warps`(kernel: HopperProduct) {
        for seed: UInt64 in 0..<8 {
            let (run, isRight) = kernel.launch(seed: seed)
            #expect(run.violations.isEmpty)
            #expect(isRight, "seed \(seed)")
        }
    }

    @Test(arguments: HopperProduct.allCases)
    func `no synchronising word of a product can be spoilt unnoticed`(kernel: HopperProduct) {
        let sites = kernel.launch(seed: 0, listsSites: true).run.sites
        #expect(sites.count > 20)
        for site in sites {
            let isCaught = (0..<4).contains { (seed: UInt64) in
                let (run, isRight) = kernel.launch(seed: seed, plant: site)
                return !run.violations.isEmpty || !isRight
            }
            #expect(isCaught, "\(site)")
        }
    }
}

/// A kernel with a ragged problem whose results are integers: out += gate · (a bᵀ + bias).
enum HopperProduct: CaseIterable, Sendable {
    case shared, alternating

    private var rows: Int { self == .shared ? 256 : 128 }
    private var sharedBytes: Int { self == .shared ? CK_GEMM_SM90_256X192_SHARED : CK_GEMM_SM90_128X192_SHARED }

    /// The run, and whether its result is right.
    func launch(
        seed: UInt64, plant: PlantSite? = nil, listsSites: Bool = false
    ) -> (run: EmulatedRun, isRight: Bool) {
        let problem = HopperProblem.ragged
        let (m, n, k) = (problem.m, problem.n, problem.k)
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
            "gemm_sm90_\(rows)x192", threads: UInt32(CK_GEMM_SM90_THREADS), shared: sharedBytes, arguments, seed: seed,
            plant: plant, listsSites: listsSites)
        return (run, out.values == problem.expected)
    }
}

/// Operands whose rows come again at distances that no tile has, so that few sums make the whole result.
private struct HopperProblem: Sendable {
    let m = 300, n = 200, k = 584
    let a: [UInt16], b: [UInt16]
    let bias: [Float], gate: [Float], old: [Float], expected: [Float]

    static let ragged = HopperProblem()

    private init() {
        let (m, n, k) = (m, n, k)
        let left = Matrix(rows: 37, columns: k)
        let right = Matrix(rows: 41, columns: k)
        a = (0..<m).flatMap { left.stored[$0 % 37 * k..<($0 % 37 + 1) * k] }
        b = (0..<n).flatMap { right.stored[$0 % 41 * k..<($0 % 41 + 1) * k] }
        let bias = (0..<n).map { Float($0 % 7 - 3) }
        let gate = (0..<n).map { Float($0 % 5 - 2) }
        let old = (0..<m * n).map { Float($0 % 11) }
        let sums = left.times(right)
        expected = (0..<m * n).map { i in
            let (row, column) = (i / n, i % n)
            return old[i] + gate[column] * (Float(sums[row % 37 * 41 + column % 41]) + bias[column])
        }
        (self.bias, self.gate, self.old) = (bias, gate, old)
    }
}

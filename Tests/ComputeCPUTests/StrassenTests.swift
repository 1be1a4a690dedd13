import CKernels
import TestSupport
import TestTools
import Testing

/// Products with fewer multiplications, which `ck_gemm` takes for many rows.
@Suite(.bounded) struct StrassenTests {
    /// Rows, depth and columns that blocks do not divide; the second depth is multiplied in parts.
    private static let sizes = [(m: 1030, k: 775, n: 768), (m: 1024, k: 3080, n: 832)]

    private struct CannotStart: Error {
        let threads: Int32
    }

    private struct Case {
        let (m, k, n): (Int, Int, Int)
        let x: [Float]
        let w: [Float]
        let bias: [Float]
        let gate: [Float]

        init(_ size: (m: Int, k: Int, n: Int)) {
            (m, k, n) = size
            var random = TestRandom(seed: 3)
            func values(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.below(4001) - 2000) / 2000 } }
            (x, w, bias, gate) = (values(m * k), values(n * k), values(n), values(n))
        }

        func product(_ epilogue: ck_epilogue, threads: Int32, _ level: ck_isa = CK_ISA_AVX2) throws -> [Float] {
            guard let pool = unsafe ck_pool_create(threads, level) else {
                throw CannotStart(threads: threads)
            }
            defer { unsafe ck_pool_destroy(pool) }
            var out = [Float](repeating: 0.5, count: m * n)
            let isDone = unsafe ck_gemm(
                &out, CK_DTYPE_F32, x, CK_DTYPE_F32, w, CK_DTYPE_F32, bias, epilogue, gate, m, n, k, pool)
            #expect(isDone)
            return out
        }

        /// What a place of out is without an epilogue.
        func sum(_ row: Int, _ column: Int) -> Double {
            (0..<k).reduce(Double(bias[column])) { $0 + Double(x[row * k + $1]) * Double(w[column * k + $1]) }
        }
    }

    @Test(arguments: sizes.indices) func `every row and column has its sum`(_ index: Int) throws {
        let one = Case(Self.sizes[index])
        let found = try one.product(CK_EPILOGUE_NONE, threads: 2)
        var (apart, whole) = (0.0, 0.0)
        // Each row with two columns, each column with two rows.
        let places = (0..<one.m).flatMap { [($0, $0 * 7 % one.n), ($0, $0 * 31 % one.n)] }
        for (row, column) in places {
            let expected = one.sum(row, column)
            let error = Double(found[row * one.n + column]) - expected
            #expect(abs(error) < 1e-3, "\(row), \(column): \(error)")
            (apart, whole) = (apart + error * error, whole + expected * expected)
        }
        #expect((apart / whole).squareRoot() < 2e-6, "\((apart / whole).squareRoot())")
    }

    @Test(arguments: [
        CK_EPILOGUE_NONE, CK_EPILOGUE_GELU, CK_EPILOGUE_SILU, CK_EPILOGUE_ADD, CK_EPILOGUE_GATED_ADD,
    ]) func `what follows a product follows it once`(_ epilogue: ck_epilogue) throws {
        let one = Case(Self.sizes[1])
        let found = try one.product(epilogue, threads: 2)
        let direct = try one.product(epilogue, threads: 2, CK_ISA_BASELINE)
        let apart = zip(found, direct).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(apart < 5e-4, "\(apart)")
    }

    @Test func `any number of threads gives the same bits`() throws {
        let one = Case(Self.sizes[0])
        let alone = try one.product(CK_EPILOGUE_GELU, threads: 1)
        for threads in [2, 3, 7] as [Int32] {
            #expect(try one.product(CK_EPILOGUE_GELU, threads: threads) == alone, "\(threads) threads")
        }
    }
}

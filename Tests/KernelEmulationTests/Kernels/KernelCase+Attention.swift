import CKernels
import Glibc
import KernelEmulation

extension KernelCase {
    static let attention = [
        attention("attention_64", headDim: 56, keys: 212, shared: CK_ATTENTION_64_SHARED),
        attention("attention_128", headDim: 120, keys: 116, shared: CK_ATTENTION_128_SHARED),
        attention("attention_128_wide", headDim: 120, keys: 212, shared: CK_ATTENTION_128_WIDE_SHARED),
        shortAttention("attention_short_64", headDim: 56, shared: CK_ATTENTION_SHORT_64_SHARED),
        shortAttention("attention_short_128", headDim: 120, shared: CK_ATTENTION_SHORT_128_SHARED),
    ]

    static let hopperAttention = [
        hopperAttention(
            "attention_sm90_64", AttentionProblem(headDim: 64, queries: 200, keys: 360, heads: 2),
            keysOfBlock: CK_ATTENTION_SM90_64_KEYS, threads: CK_ATTENTION_SM90_64_THREADS,
            shared: CK_ATTENTION_SM90_64_SHARED_BYTES),
        hopperAttention(
            "attention_sm90_128", AttentionProblem(headDim: 128, queries: 136, keys: 500, heads: 2),
            keysOfBlock: CK_ATTENTION_SM90_128_KEYS, threads: CK_ATTENTION_SM90_128_THREADS,
            shared: CK_ATTENTION_SM90_128_SHARED_BYTES),
    ]

    private static func attention(_ name: String, headDim: Int, keys: Int, shared: Int) -> KernelCase {
        let problem = AttentionProblem(headDim: headDim, queries: 70, keys: keys, heads: 2)
        return KernelCase(name: name) { trial in
            let grid = (pieces(problem.queries + trial.excess, CK_ATTENTION_ROWS), UInt32(problem.heads), UInt32(1))
            return problem.launch(
                name, grid: grid, threads: CK_ATTENTION_THREADS, shared: shared, excessTokens: trial.excess, trial)
        }
    }

    /// Two blocks, of whose four warps one has a full set of groups and one has none.
    private static func shortAttention(_ name: String, headDim: Int, shared: Int) -> KernelCase {
        let problem = AttentionProblem(headDim: headDim, queries: 5, keys: 5, heads: 2, groups: 14)
        return KernelCase(name: name) { trial in
            let groups = problem.groups + trial.excess
            let ofBlock = CK_ATTENTION_SHORT_WARPS * (CK_ATTENTION_SHORT_TOKENS / problem.queries)
            return problem.launch(
                name, grid: (pieces(groups, ofBlock), UInt32(problem.heads), 1),
                threads: CK_ATTENTION_SHORT_WARPS * 32, shared: shared, excessGroups: trial.excess, trial)
        }
    }

    /// One block for all tiles.
    private static func hopperAttention(
        _ name: String, _ problem: AttentionProblem, keysOfBlock: Int, threads: Int, shared: Int
    ) -> KernelCase {
        KernelCase(name: name) { trial in
            let q = DeviceArray(problem.q)
            let k = DeviceArray(problem.k)
            let v = DeviceArray(problem.v)
            let out = DeviceArray([UInt16](repeating: 0, count: problem.q.count))
            let width = problem.headDim * problem.heads
            func map(_ array: DeviceArray<UInt16>, _ tokens: Int, _ box: Int) -> ck_tensor_map {
                tensorMap(
                    array.address, extents: [problem.headDim, tokens, 1, problem.heads],
                    strides: [width, width * tokens, problem.headDim], box: [64, box, 1, 1])
            }
            let queries = problem.queries + trial.excess
            var arguments = ck_attention_sm90_arguments()
            arguments.q = map(q, queries, CK_ATTENTION_SM90_BOX_QUERIES)
            arguments.k = map(k, problem.keys, keysOfBlock)
            arguments.v = map(v, problem.keys, keysOfBlock)
            arguments.out = map(out, queries, CK_ATTENTION_SM90_BOX_QUERIES)
            (arguments.queries, arguments.keys) = (Int32(queries), Int32(problem.keys))
            (arguments.groups, arguments.heads) = (1, Int32(problem.heads))
            arguments.scale = AttentionProblem.scale
            let run = EmulatedRun(name, threads: UInt32(threads), shared: shared, arguments, trial)
            return (run, problem.isRight(out.values))
        }
    }
}

/// Weighs v by softmax(scale · q kᵀ), all of them small integers.
///
/// Queries come again after a few, keys and values at a distance that no block of them has.
private struct AttentionProblem: Sendable {
    static let scale: Float = 0.0625
    private static let queryPeriod = 7, keyPeriod = 37

    let headDim: Int, queries: Int, keys: Int, heads: Int, groups: Int
    let q: [UInt16], k: [UInt16], v: [UInt16]
    private let expected: [Float]

    init(headDim: Int, queries: Int, keys: Int, heads: Int, groups: Int = 1) {
        (self.headDim, self.queries, self.keys) = (headDim, queries, keys)
        (self.heads, self.groups) = (heads, groups)
        let width = heads * headDim
        let someQ = Matrix(rows: Self.queryPeriod, columns: width)
        let someK = Matrix(rows: Self.keyPeriod, columns: width, start: 5)
        let someV = Matrix(rows: Self.keyPeriod, columns: width, start: 11)
        func rows(_ count: Int, of matrix: Matrix) -> [UInt16] {
            (0..<count).flatMap { row in
                let first = row % matrix.rows * width
                return matrix.stored[first..<first + width]
            }
        }
        q = rows(groups * queries, of: someQ)
        k = rows(groups * keys, of: someK)
        v = rows(groups * keys, of: someV)
        expected = (0..<groups).flatMap { group in
            let some = (0..<min(queries, Self.queryPeriod)).map { query in
                (0..<heads).flatMap { head in
                    let columns = head * headDim..<(head + 1) * headDim
                    return Self.attend(
                        someQ, (group * queries + query) % Self.queryPeriod, someK, someV,
                        (group * keys..<(group + 1) * keys).map { $0 % Self.keyPeriod }, columns)
                }
            }
            return (0..<queries).flatMap { some[$0 % Self.queryPeriod] }
        }
    }

    /// One row of one head, in f64.
    private static func attend(
        _ q: Matrix, _ query: Int, _ k: Matrix, _ v: Matrix, _ keys: [Int], _ columns: Range<Int>
    ) -> [Float] {
        var count = [Int](repeating: 0, count: keyPeriod)
        for key in keys { count[key] += 1 }
        let weights = (0..<keyPeriod).map { key in
            let logit = columns.reduce(0) { $0 + q.values[query * q.columns + $1] * k.values[key * k.columns + $1] }
            return Double(count[key]) * exp(Double(logit) * Double(scale))
        }
        let sum = weights.reduce(0, +)
        return columns.map { column in
            let total = (0..<keyPeriod).reduce(0) { $0 + weights[$1] * Double(v.values[$1 * v.columns + column]) }
            return Float(total / sum)
        }
    }

    /// Weights and results are rounded to bf16, by 2⁻⁹ of what is at most 1.
    func isRight(_ out: [UInt16]) -> Bool {
        zip(out, expected).allSatisfy { abs(float($0) - $1) < 0.006 }
    }

    /// A kernel that takes pointers.
    func launch(
        _ name: String, grid: (UInt32, UInt32, UInt32), threads: Int, shared: Int, excessTokens: Int = 0,
        excessGroups: Int = 0, _ trial: Trial
    ) -> (EmulatedRun, Bool) {
        let arrays = [q, k, v].map { DeviceArray($0) }
        let out = DeviceArray([UInt16](repeating: 0, count: q.count))
        let width = Int64(heads * headDim)
        var arguments = ck_attention_arguments()
        (arguments.q, arguments.k, arguments.v) = (arrays[0].address, arrays[1].address, arrays[2].address)
        arguments.out = out.address
        (arguments.q_stride, arguments.k_stride) = (width, width)
        (arguments.v_stride, arguments.out_stride) = (width, width)
        (arguments.group_stride, arguments.token_stride) = (Int64(queries), 1)
        (arguments.queries, arguments.keys) = (Int32(queries + excessTokens), Int32(keys))
        (arguments.groups, arguments.heads) = (Int32(groups + excessGroups), Int32(heads))
        (arguments.head_dim, arguments.scale) = (Int32(headDim), Self.scale)
        let run = EmulatedRun(
            name, grid: (grid.0, grid.1, grid.2), threads: UInt32(threads), shared: shared, arguments, trial)
        return (run, isRight(out.values))
    }
}

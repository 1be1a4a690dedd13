import CKernels
import Glibc
import KernelEmulation
import TestTools
import Testing

/// Attention that sees only the blocks of keys that a list names for each tile of queries.
@Suite(.bounded) struct BlockListTests {
    /// A kernel with the sizes that its lists count in.
    struct Kernel: Sendable, CustomTestStringConvertible {
        let name: String
        let headDim: Int
        let tile: Int
        let block: Int
        var testDescription: String { name }
    }

    static let portable = [
        Kernel(name: "attention_64", headDim: 64, tile: CK_ATTENTION_ROWS, block: CK_ATTENTION_LIST_KEYS),
        Kernel(name: "attention_128", headDim: 128, tile: CK_ATTENTION_ROWS, block: CK_ATTENTION_LIST_KEYS),
        Kernel(name: "attention_128_wide", headDim: 128, tile: CK_ATTENTION_ROWS, block: CK_ATTENTION_LIST_KEYS),
    ]
    static let hopper = [
        Kernel(
            name: "attention_sm90_64", headDim: 64, tile: CK_ATTENTION_SM90_64_QUERIES,
            block: CK_ATTENTION_SM90_64_KEYS),
        Kernel(
            name: "attention_sm90_128", headDim: 128, tile: CK_ATTENTION_SM90_128_QUERIES,
            block: CK_ATTENTION_SM90_128_KEYS),
    ]

    @Test(arguments: portable) func `a tile sees the blocks of its list, and without one gives zeros`(kernel: Kernel) {
        let problem = ListedAttention(kernel, lists: [[0, 2], [], [1, 3]])
        let shared = [
            "attention_64": CK_ATTENTION_64_SHARED, "attention_128": CK_ATTENTION_128_SHARED,
            "attention_128_wide": CK_ATTENTION_128_WIDE_SHARED,
        ]
        for seed: UInt64 in 0..<2 {
            let out = problem.array(problem.queries)
            var arguments = ck_attention_arguments()
            (arguments.q, arguments.k, arguments.v) = (problem.q.address, problem.k.address, problem.v.address)
            arguments.out = out.address
            (arguments.block_start, arguments.block_index) = (problem.start.address, problem.index.address)
            let width = Int64(problem.headDim)
            (arguments.q_stride, arguments.k_stride) = (width, width)
            (arguments.v_stride, arguments.out_stride) = (width, width)
            (arguments.group_stride, arguments.token_stride) = (1, 1)
            (arguments.queries, arguments.keys) = (Int32(problem.queries), Int32(problem.keys))
            (arguments.groups, arguments.heads, arguments.head_dim) = (1, 1, Int32(problem.headDim))
            arguments.scale = ListedAttention.scale
            let run = EmulatedRun(
                kernel.name, grid: (UInt32(problem.lists.count), 1, 1), threads: UInt32(CK_ATTENTION_THREADS),
                shared: shared[kernel.name] ?? 0, arguments, Trial(seed: seed))
            #expect(run.violations == [])
            #expect(problem.worst(out.values) < 0.01)
        }
    }

    @Test(arguments: hopper) func `a tile of the bulk copies sees the blocks of its list`(kernel: Kernel) {
        let problem = ListedAttention(kernel, lists: [[0, 2], [1], [1, 3]])
        let isNarrow = kernel.headDim == 64
        for seed: UInt64 in 0..<2 {
            let out = problem.array(problem.queries)
            func map(_ array: DeviceArray<UInt16>, _ tokens: Int, _ box: Int) -> ck_tensor_map {
                let width = problem.headDim
                return tensorMap(
                    array.address, extents: [width, tokens, 1, 1], strides: [width, width * tokens, width * tokens],
                    box: [64, box, 1, 1])
            }
            var arguments = ck_attention_sm90_arguments()
            arguments.q = map(problem.q, problem.queries, CK_ATTENTION_SM90_BOX_QUERIES)
            arguments.k = map(problem.k, problem.keys, kernel.block)
            arguments.v = map(problem.v, problem.keys, kernel.block)
            arguments.out = map(out, problem.queries, CK_ATTENTION_SM90_BOX_QUERIES)
            (arguments.block_start, arguments.block_index) = (problem.start.address, problem.index.address)
            (arguments.queries, arguments.keys) = (Int32(problem.queries), Int32(problem.keys))
            (arguments.groups, arguments.heads, arguments.scale) = (1, 1, ListedAttention.scale)
            let run = EmulatedRun(
                kernel.name, threads: UInt32(isNarrow ? CK_ATTENTION_SM90_64_THREADS : CK_ATTENTION_SM90_128_THREADS),
                shared: isNarrow ? CK_ATTENTION_SM90_64_SHARED_BYTES : CK_ATTENTION_SM90_128_SHARED_BYTES, arguments,
                Trial(seed: seed))
            #expect(run.violations == [])
            #expect(problem.worst(out.values) < 0.01)
        }
    }
}

/// One head whose last tile of queries and last block of keys are ragged.
private final class ListedAttention {
    static let scale: Float = 0.125

    let kernel: BlockListTests.Kernel
    let lists: [[Int]]
    let queries: Int
    let keys: Int
    let q: DeviceArray<UInt16>
    let k: DeviceArray<UInt16>
    let v: DeviceArray<UInt16>
    let start: DeviceArray<Int32>
    let index: DeviceArray<Int32>
    private let query: [Float]
    private let key: [Float]
    private let value: [Float]

    var headDim: Int { kernel.headDim }

    init(_ kernel: BlockListTests.Kernel, lists: [[Int]]) {
        self.kernel = kernel
        self.lists = lists
        queries = kernel.tile * (lists.count - 1) + 9
        keys = kernel.block * 3 + 17
        func numbers(_ rows: Int, _ seed: Int) -> [Float] {
            (0..<rows * kernel.headDim).map { Float(($0 * 37 + seed) % 61 % 17 - 8) / 8 }
        }
        (query, key, value) = (numbers(queries, 1), numbers(keys, 5), numbers(keys, 9))
        func stored(_ values: [Float]) -> DeviceArray<UInt16> {
            DeviceArray(values.map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) })
        }
        (q, k, v) = (stored(query), stored(key), stored(value))
        start = DeviceArray(lists.indices.map { Int32(lists[..<$0].joined().count) } + [Int32(lists.joined().count)])
        index = DeviceArray(lists.joined().map(Int32.init))
    }

    func array(_ rows: Int) -> DeviceArray<UInt16> { DeviceArray([UInt16](repeating: 0xffff, count: rows * headDim)) }

    /// The largest difference from the result in f64, of every fifth row.
    func worst(_ out: [UInt16]) -> Double {
        var worst = 0.0
        for row in stride(from: 0, to: queries, by: 5) {
            let seen = lists[row / kernel.tile].flatMap { $0 * kernel.block..<min(($0 + 1) * kernel.block, keys) }
            let weights = seen.map { key -> Double in
                let logit = (0..<headDim).reduce(Float(0)) {
                    $0 + query[row * headDim + $1] * self.key[key * headDim + $1]
                }
                return exp(Double(logit * Self.scale))
            }
            let sum = max(weights.reduce(0, +), .leastNormalMagnitude)
            for column in 0..<headDim {
                let total = zip(seen, weights).reduce(0.0) { $0 + $1.1 * Double(value[$1.0 * headDim + column]) }
                let difference = abs(Double(float(out[row * headDim + column])) - total / sum)
                worst = difference.isNaN ? .infinity : max(worst, difference)
            }
        }
        return worst
    }
}

import CKernels
import Compute
import ComputeCPU
import TestSupport
import TestTools
import Testing

/// What must not change a single bit of an attention.
@Suite(.bounded) struct AttentionBitsTests {
    private static let levels = [CK_ISA_BASELINE, CK_ISA_AVX2, CK_ISA_AVX512, CK_ISA_AVX512_BF16].filter {
        $0.rawValue <= ck_isa_best().rawValue
    }

    /// Queries, keys and values of an attention.
    private struct Given {
        let backend: CPUBackend
        let q: Tensor
        let k: Tensor
        let v: Tensor
        let heads: Int

        init(_ level: ck_isa, _ dtype: DType, queries: Int, keys: Int, heads: Int, depth: Int) throws {
            let backend = try CPUBackend(threads: 2, hasNativeBF16: CPUBackend.hasNativeBF16, level: level)
            var random = TestRandom(seed: 5)
            func tensor(_ rows: Int) throws -> Tensor {
                let shape: Shape = [rows, heads * depth]
                let values = (0..<shape.count).map { _ in Float(random.below(4001) - 2000) / 1000 }
                let tensor = try backend.allocate(shape, dtype)
                try backend.copy(backend.upload(values, shape), into: tensor)
                return tensor
            }
            (q, k, v) = (try tensor(queries), try tensor(keys), try tensor(keys))
            self.backend = backend
            self.heads = heads
        }

        func attend(first rows: Int, lists: [[[Int]]]? = nil) throws -> [Float] {
            let queries = q[0..<rows]
            let out = try backend.allocate(queries.shape, q.dtype)
            if let lists {
                let lists = try backend.blockList(lists, queries: rows, keys: k.shape.rows)
                try backend.attention(queries, k, v, heads: heads, scale: 0.3, blocks: lists, into: out)
            } else {
                try backend.attention(queries, k, v, heads: heads, scale: 0.3, groups: .all, bias: nil, into: out)
            }
            return try backend.download(out)
        }
    }

    @Test(arguments: [DType.f32, .bf16])
    func `a query's result does not depend on how many are with it`(_ dtype: DType) throws {
        for level in Self.levels {
            let given = try Given(level, dtype, queries: 60, keys: 300, heads: 2, depth: 24)
            let all = try given.attend(first: 60)
            for rows in 1..<60 {
                let found = try given.attend(first: rows)
                #expect(found == Array(all.prefix(found.count)), "\(rows) queries")
            }
        }
    }

    /// Whether blocks of keys are packed for all queries (three blocks of them and more) or by each.
    @Test(arguments: [(100, 450), (300, 450), (300, 512), (129, 70)])
    func `lists of all blocks are full attention`(_ queries: Int, _ keys: Int) throws {
        for level in Self.levels {
            for dtype in [DType.f32, .bf16] {
                let given = try Given(level, dtype, queries: queries, keys: keys, heads: 2, depth: 40)
                let all = Array(0..<(keys + BlockList.keys - 1) / BlockList.keys)
                let tiles = (queries + BlockList.queries - 1) / BlockList.queries
                let lists = [[[Int]]](repeating: [[Int]](repeating: all, count: tiles), count: 2)
                #expect(try given.attend(first: queries, lists: lists) == given.attend(first: queries))
            }
        }
    }
}

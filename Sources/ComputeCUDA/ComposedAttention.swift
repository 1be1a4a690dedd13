import CKernels
import Compute

/// Attention as two matrix products with a softmax between them: for f32, for wide heads, for sizes that the tensor
/// cores do not take.
///
/// The scores wait in memory, so it works on as many groups and queries at a time as fit a limit.
struct ComposedAttention {
    let problem: AttentionProblem
    let backend: CUDABackend
    let scale: Float
    let bias: AttentionBias?
    /// Of the lists of blocks; see CUDABackend.blockList.
    var blockMask: ck_address = 0

    /// Most bytes of scores at a time.
    private static let scoreBytes = 256 << 20
    /// Products at a time: the extent of a grid in z.
    private static let batchLimit = 65535

    /// One piece of the work.
    private struct Part {
        let groups: Range<Int>
        let queries: Range<Int>
    }

    /// Distance of rows of probabilities: aligned for the tensor cores.
    private var keyStride: Int { (problem.keys + 7) / 8 * 8 }

    func run(_ q: Tensor, _ k: Tensor, _ v: Tensor, into out: Tensor) throws(ComputeError) {
        guard problem.keys > 0 else { return try backend.zero(out) }
        let rowBytes = problem.heads * keyStride * 4
        let rows = max(1, Self.scoreBytes / rowBytes)
        let queriesAtOnce = min(problem.queries, rows)
        let groupsAtOnce = max(1, min(rows / queriesAtOnce, Self.batchLimit / problem.heads, problem.groups))
        let count = groupsAtOnce * problem.heads * queriesAtOnce * keyStride
        let scores = try backend.allocate([count], .f32)
        let probabilities = try backend.allocate([count], q.dtype)
        for group in stride(from: 0, to: problem.groups, by: groupsAtOnce) {
            for query in stride(from: 0, to: problem.queries, by: queriesAtOnce) {
                let part = Part(
                    groups: group..<min(group + groupsAtOnce, problem.groups),
                    queries: query..<min(query + queriesAtOnce, problem.queries))
                try score(part, q, k, into: scores)
                try normalize(part, scores, into: probabilities)
                try gather(part, probabilities, v, into: out)
            }
        }
    }

    private func score(_ part: Part, _ q: Tensor, _ k: Tensor, into scores: Tensor) throws(ComputeError) {
        var product = arguments(part)
        product.out = backend.address(scores)
        product.a = backend.address(q) + start(part, q.dtype)
        product.b = backend.address(k) + groupStart(part, k.dtype)
        (product.m, product.n, product.k) = (Int32(part.queries.count), Int32(problem.keys), Int32(problem.headDim))
        (product.out_stride, product.a_stride, product.b_stride) = (Int32(keyStride), rowStride, rowStride)
        (product.out_outer, product.out_inner) = scoreDistances(part)
        (product.a_outer, product.a_inner) = rowDistances
        (product.b_outer, product.b_inner) = rowDistances
        try backend.product(product, isTransposed: false, q.dtype, k.dtype, .f32)
    }

    private func normalize(_ part: Part, _ scores: Tensor, into probabilities: Tensor) throws(ComputeError) {
        var softmax = ck_softmax_arguments()
        (softmax.p, softmax.s) = (backend.address(probabilities), backend.address(scores))
        switch bias {
        case .perHead(let bias): softmax.head_bias = backend.address(bias)
        case .perKey(let bias), .lastKey(let bias): softmax.key_bias = backend.address(bias)
        case nil: break
        }
        softmax.block_mask = blockMask
        (softmax.batch, softmax.heads) = (Int32(part.groups.count * problem.heads), Int32(problem.heads))
        (softmax.queries, softmax.keys) = (Int32(part.queries.count), Int32(problem.keys))
        (softmax.first_query, softmax.all_queries) = (Int32(part.queries.lowerBound), Int32(problem.queries))
        (softmax.s_stride, softmax.p_stride) = (Int32(keyStride), Int32(keyStride))
        softmax.scale = scale
        try backend.softmax(softmax, probabilities.dtype)
    }

    private func gather(_ part: Part, _ probabilities: Tensor, _ v: Tensor, into out: Tensor) throws(ComputeError) {
        var product = arguments(part)
        product.out = backend.address(out) + start(part, out.dtype)
        product.a = backend.address(probabilities)
        product.b = backend.address(v) + groupStart(part, v.dtype)
        (product.m, product.n, product.k) = (Int32(part.queries.count), Int32(problem.headDim), Int32(problem.keys))
        (product.out_stride, product.a_stride, product.b_stride) = (rowStride, Int32(keyStride), rowStride)
        (product.out_outer, product.out_inner) = rowDistances
        (product.a_outer, product.a_inner) = scoreDistances(part)
        (product.b_outer, product.b_inner) = rowDistances
        try backend.product(product, isTransposed: true, probabilities.dtype, v.dtype, out.dtype)
    }

    private func arguments(_ part: Part) -> ck_gemm_arguments {
        var product = ck_gemm_arguments()
        (product.outer, product.inner) = (Int32(part.groups.count), Int32(problem.heads))
        product.alpha = 1
        return product
    }

    private var rowStride: Int32 { Int32(problem.tokenStride * problem.width) }

    /// From group to group and from head to head in q, k, v and out.
    private var rowDistances: (Int64, Int64) {
        (Int64(problem.groupStride * problem.width), Int64(problem.headDim))
    }

    /// The same in scores and probabilities.
    private func scoreDistances(_ part: Part) -> (Int64, Int64) {
        let head = part.queries.count * keyStride
        return (Int64(problem.heads * head), Int64(head))
    }

    private func groupStart(_ part: Part, _ dtype: DType) -> ck_address {
        ck_address(part.groups.lowerBound * problem.groupStride * problem.width * dtype.byteWidth)
    }

    private func start(_ part: Part, _ dtype: DType) -> ck_address {
        let rows = part.queries.lowerBound * problem.tokenStride
        return groupStart(part, dtype) + ck_address(rows * problem.width * dtype.byteWidth)
    }
}

import CKernels
package import Compute

extension CUDABackend {
    package func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, groups: TokenGroups, bias: AttentionBias?,
        into out: Tensor
    ) throws(ComputeError) {
        checkAttention(q, k, v, heads: heads, into: out)
        guard q.count > 0 else { return }
        let width = q.shape.last
        let problem = AttentionProblem(
            queries: q.count / width, keys: k.count / width, heads: heads, headDim: width / heads, groups: groups)
        if let bias { check(bias, problem) }
        let isAligned = [q, k, v, out].allSatisfy { address($0) % 16 == 0 } && problem.headDim % 8 == 0
        if q.dtype == .bf16, isAligned, problem.headDim <= 128, problem.keys > 0 {
            try flashAttention(problem, q, k, v, scale, bias, into: out)
        } else {
            try ComposedAttention(problem: problem, backend: self, scale: scale, bias: bias).run(q, k, v, into: out)
        }
    }

    private func check(_ bias: AttentionBias, _ problem: AttentionProblem) {
        switch bias {
        case .perHead(let bias):
            let count = problem.heads * problem.queries * problem.keys
            precondition(bias.dtype == .f32 && bias.count == count && problem.groups == 1, "bias \(bias.shape)")
        case .perKey(let bias), .lastKey(let bias):
            precondition(bias.dtype == .f32 && bias.count == problem.keys && problem.groups == 1, "bias \(bias.shape)")
        }
    }

    private func flashAttention(
        _ problem: AttentionProblem, _ q: Tensor, _ k: Tensor, _ v: Tensor, _ scale: Float, _ bias: AttentionBias?,
        into out: Tensor
    ) throws(ComputeError) {
        if let hopper, hopper.serves(problem, bias) {
            return try hopper.attention(problem, q, k, v, scale, bias, into: out)
        }
        var arguments = ck_attention_arguments()
        (arguments.out, arguments.q, arguments.k, arguments.v) = (address(out), address(q), address(k), address(v))
        switch bias {
        case .perHead(let bias): arguments.head_bias = address(bias)
        case .perKey(let bias), .lastKey(let bias): arguments.key_bias = address(bias)
        case nil: break
        }
        let width = Int64(problem.width)
        (arguments.out_stride, arguments.q_stride) = (width, width)
        (arguments.k_stride, arguments.v_stride) = (width, width)
        (arguments.group_stride, arguments.token_stride) = (Int64(problem.groupStride), Int64(problem.tokenStride))
        (arguments.queries, arguments.keys) = (Int32(problem.queries), Int32(problem.keys))
        (arguments.groups, arguments.heads) = (Int32(problem.groups), Int32(problem.heads))
        arguments.head_dim = Int32(problem.headDim)
        arguments.scale = scale
        if bias == nil, problem.groups > 1, problem.queries <= CK_ATTENTION_SHORT_TOKENS {
            try launchShort(problem, arguments)
        } else {
            try launchTiled(problem, arguments)
        }
    }

    /// Several short groups to a block.
    private func launchShort(_ problem: AttentionProblem, _ arguments: ck_attention_arguments) throws(ComputeError) {
        let isNarrow = problem.headDim <= 64
        let groupsPerBlock = CK_ATTENTION_SHORT_WARPS * (CK_ATTENTION_SHORT_TOKENS / problem.queries)
        try launch(
            isNarrow ? "attention_short_64" : "attention_short_128", of: "attention",
            blocks: (problem.groups + groupsPerBlock - 1) / groupsPerBlock, rows: problem.heads,
            threads: CK_ATTENTION_SHORT_WARPS * 32,
            shared: isNarrow ? CK_ATTENTION_SHORT_64_SHARED : CK_ATTENTION_SHORT_128_SHARED, arguments)
    }

    private func launchTiled(_ problem: AttentionProblem, _ arguments: ck_attention_arguments) throws(ComputeError) {
        let tiles = (problem.queries + CK_ATTENTION_ROWS - 1) / CK_ATTENTION_ROWS
        let (name, shared) =
            if problem.headDim <= 64 {
                ("attention_64", CK_ATTENTION_64_SHARED)
            } else if device.sharedBytes >= 2 * CK_ATTENTION_128_WIDE_SHARED {
                ("attention_128_wide", CK_ATTENTION_128_WIDE_SHARED)
            } else {
                ("attention_128", CK_ATTENTION_128_SHARED)
            }
        try launch(
            name, of: "attention", blocks: tiles * problem.groups, rows: problem.heads, threads: CK_ATTENTION_THREADS,
            shared: shared,
            arguments)
    }
}

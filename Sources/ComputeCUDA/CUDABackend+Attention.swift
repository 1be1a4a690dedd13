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
        if q.dtype == .bf16, servesFlash(problem, [q, k, v, out]) {
            try flashAttention(problem, q, k, v, scale, bias, into: out)
        } else {
            try ComposedAttention(problem: problem, backend: self, scale: scale, bias: bias).run(q, k, v, into: out)
        }
    }

    /// Starts, blocks, and for each list a byte for each block of keys.
    package func blockList(_ lists: [[[Int]]], queries: Int, keys: Int) throws(ComputeError) -> BlockList {
        let (starts, blocks) = BlockList.flattened(lists)
        let keyBlocks = (keys + BlockList.keys - 1) / BlockList.keys
        var mask = [UInt8](repeating: 0, count: (lists.reduce(0) { $0 + $1.count } * keyBlocks + 3) / 4 * 4)
        for (number, list) in lists.joined().enumerated() {
            for block in list { mask[number * keyBlocks + block] = 1 }
        }
        let words = stride(from: 0, to: mask.count, by: 4).map { at in
            Int32(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(mask[at + $1]) << UInt32(8 * $1) })
        }
        let storage = try upload(starts + blocks + words).storage
        return BlockList(lists, queries: queries, keys: keys, in: storage)
    }

    package func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, blocks: BlockList, into out: Tensor
    ) throws(ComputeError) {
        checkAttention(q, k, v, heads: heads, into: out)
        checkBlocks(q, k, heads: heads, blocks)
        guard q.count > 0 else { return }
        let width = q.shape.last
        let problem = AttentionProblem(
            queries: q.count / width, keys: k.count / width, heads: heads, headDim: width / heads, groups: .all)
        let tiles = (problem.queries + BlockList.queries - 1) / BlockList.queries
        let start = address(blocks.storage)
        let index = start + ck_address(4 * (heads * tiles + 1))
        guard q.dtype == .bf16, servesFlash(problem, [q, k, v, out]) else {
            var composed = ComposedAttention(problem: problem, backend: self, scale: scale, bias: nil)
            composed.blockMask = index + ck_address(4 * blocks.count)
            return try composed.run(q, k, v, into: out)
        }
        var arguments = arguments(problem, q, k, v, scale, into: out)
        (arguments.block_start, arguments.block_index) = (start, index)
        arguments.list_stride = Int32(tiles)
        try launchTiled(problem, arguments)
    }

    /// Whether the kernels that keep their scores to themselves take it.
    private func servesFlash(_ problem: AttentionProblem, _ arrays: [Tensor]) -> Bool {
        let isAligned = arrays.allSatisfy { address($0) % 16 == 0 } && problem.headDim % 8 == 0
        return isAligned && problem.headDim <= 128 && problem.keys > 0
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
        var arguments = arguments(problem, q, k, v, scale, into: out)
        switch bias {
        case .perHead(let bias): arguments.head_bias = address(bias)
        case .perKey(let bias), .lastKey(let bias): arguments.key_bias = address(bias)
        case nil: break
        }
        if bias == nil, problem.groups > 1, problem.queries <= CK_ATTENTION_SHORT_TOKENS {
            try launchShort(problem, arguments)
        } else {
            try launchTiled(problem, arguments)
        }
    }

    private func arguments(
        _ problem: AttentionProblem, _ q: Tensor, _ k: Tensor, _ v: Tensor, _ scale: Float, into out: Tensor
    ) -> ck_attention_arguments {
        var arguments = ck_attention_arguments()
        (arguments.out, arguments.q, arguments.k, arguments.v) = (address(out), address(q), address(k), address(v))
        let width = Int64(problem.width)
        (arguments.out_stride, arguments.q_stride) = (width, width)
        (arguments.k_stride, arguments.v_stride) = (width, width)
        (arguments.group_stride, arguments.token_stride) = (Int64(problem.groupStride), Int64(problem.tokenStride))
        (arguments.queries, arguments.keys) = (Int32(problem.queries), Int32(problem.keys))
        (arguments.groups, arguments.heads) = (Int32(problem.groups), Int32(problem.heads))
        arguments.head_dim = Int32(problem.headDim)
        arguments.scale = scale
        return arguments
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

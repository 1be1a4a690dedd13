import CKernels
import Compute

/// The kernels for sm_90a, which reach arrays through maps, and the rule which problems are theirs.
struct HopperKernels {
    unowned let backend: CUDABackend

    // MARK: matrix products

    /// Large enough to fill the GPU with tiles of 128 rows, and whole 16-byte pieces in every row.
    func serves(_ product: ck_gemm_arguments, _ out: DType) -> Bool {
        let isAligned = product.out % 16 == 0 && product.out_stride % 8 == 0 && product.n % 8 == 0
        return isAligned && product.m >= 128 && product.n >= 128
    }

    func product(_ product: ck_gemm_arguments, _ out: DType) throws(ComputeError) {
        // Two warpgroups that share a tile load least; two that have their own leave fewer rows empty.
        let isTall = product.m > 512
        let (rows, columns) = (isTall ? 256 : 128, 192)
        let depth = CK_GEMM_SM90_DEPTH
        var arguments = ck_gemm_sm90_arguments()
        arguments.a = try matrix(product.a, .bf16, product.k, product.m, product.a_stride, box: (depth, rows))
        arguments.b = try matrix(product.b, .bf16, product.k, product.n, product.b_stride, box: (depth, columns))
        arguments.out = try matrix(
            product.out, out, product.n, product.m, product.out_stride, box: (128 / out.byteWidth, 64))
        (arguments.bias, arguments.gate) = (product.bias, product.gate)
        (arguments.m, arguments.n, arguments.k) = (product.m, product.n, product.k)
        (arguments.epilogue, arguments.out_dtype) = (product.epilogue, out.number)
        arguments.alpha = product.alpha
        try launch(
            "gemm_sm90_\(rows)x\(columns)", of: "gemm_sm90",
            tiles: pieces(product.m, rows) * pieces(product.n, columns), threads: CK_GEMM_SM90_THREADS,
            shared: isTall ? CK_GEMM_SM90_256X192_SHARED : CK_GEMM_SM90_128X192_SHARED, arguments)
    }

    /// Blocks stay on their multiprocessors and take one tile after the other.
    private func launch<Arguments>(
        _ name: String, of module: String, tiles: Int, threads: Int, shared: Int, _ arguments: Arguments
    ) throws(ComputeError) {
        try backend.launch(
            name, of: module, blocks: min(tiles, backend.device.multiprocessors), threads: threads, shared: shared,
            arguments)
    }

    private func pieces(_ extent: Int32, _ size: Int) -> Int { (Int(extent) + size - 1) / size }

    private func matrix(
        _ address: ck_address, _ dtype: DType, _ columns: Int32, _ rows: Int32, _ stride: Int32, box: (Int, Int)
    ) throws(ComputeError) -> ck_tensor_map {
        try backend.map(
            address, dtype, extents: [Int(columns), Int(rows)], strides: [Int(stride)], box: [box.0, box.1])
    }

    // MARK: convolution

    /// Channels in whole 16-byte pieces; few output channels leave most of a tile empty.
    func serves(_ convolution: ck_convolution_arguments, _ out: DType) -> Bool {
        let isAligned = convolution.out % 16 == 0 && convolution.out_channels % 8 == 0
        return isAligned && convolution.out_channels >= 64
    }

    func convolution(_ convolution: ck_convolution_arguments, _ out: DType) throws(ComputeError) {
        let shape = ConvolutionShape(outChannels: Int(convolution.out_channels))
        let tile = shape.tile(height: Int(convolution.height), width: Int(convolution.width))
        let (channels, outChannels) = (Int(convolution.in_channels), Int(convolution.out_channels))
        let taps = Int(convolution.kernel_frames * convolution.kernel_height * convolution.kernel_width)
        let box = [shape.depth, tile.width, tile.height, 1]
        var arguments = ck_convolution_sm90_arguments()
        arguments.x = try frames(convolution.x, .bf16, channels, Int(convolution.frames), convolution, box)
        arguments.weight = try backend.map(
            convolution.weight, .bf16, extents: [channels, outChannels, taps],
            strides: [channels, channels * outChannels], box: [shape.depth, shape.columns, 1])
        arguments.out = try frames(
            convolution.out, out, outChannels, Int(convolution.frames), convolution,
            [128 / out.byteWidth, tile.width, 64 / tile.width, 1])
        let history = [convolution.history.0, convolution.history.1]
        let present = history.map { Int32($0 == 0 ? 0 : 1) }
        // A map that is not read still has to be one.
        let places = history.map { $0 == 0 ? convolution.x : $0 }
        arguments.history.0 = try frames(places[0], .bf16, channels, 1, convolution, box)
        arguments.history.1 = try frames(places[1], .bf16, channels, 1, convolution, box)
        arguments.has_history = (present[0], present[1])
        arguments.bias = convolution.bias
        (arguments.frames, arguments.height) = (convolution.frames, convolution.height)
        (arguments.width, arguments.in_channels) = (convolution.width, convolution.in_channels)
        (arguments.out_channels, arguments.kernel_frames) = (convolution.out_channels, convolution.kernel_frames)
        (arguments.kernel_height, arguments.kernel_width) = (convolution.kernel_height, convolution.kernel_width)
        (arguments.tile_height, arguments.tile_width) = (Int32(tile.height), Int32(tile.width))
        (arguments.accumulate, arguments.out_dtype) = (convolution.accumulate, out.number)
        let tiles =
            Int(convolution.frames) * pieces(convolution.height, tile.height) * pieces(convolution.width, tile.width)
        try launch(
            shape.name, of: "convolution_sm90", tiles: tiles * pieces(convolution.out_channels, shape.columns),
            threads: CK_CONVOLUTION_SM90_THREADS, shared: shape.sharedBytes, arguments)
    }

    /// A map of frames `[frames, height, width, channels]`.
    private func frames(
        _ address: ck_address, _ dtype: DType, _ channels: Int, _ count: Int, _ convolution: ck_convolution_arguments,
        _ box: [Int]
    ) throws(ComputeError) -> ck_tensor_map {
        let (height, width) = (Int(convolution.height), Int(convolution.width))
        return try backend.map(
            address, dtype, extents: [channels, width, height, count],
            strides: [channels, channels * width, channels * width * height], box: box)
    }

    /// One of the three kernels, by what divides the output channels best.
    private struct ConvolutionShape {
        let name: String
        let rows: Int
        let columns: Int
        let depth: Int
        let sharedBytes: Int

        init(outChannels: Int) {
            if outChannels <= 96 {
                (name, rows, columns) = ("convolution_sm90_256x96", 256, 96)
                (depth, sharedBytes) = (CK_CONVOLUTION_SM90_256X96_DEPTH, CK_CONVOLUTION_SM90_256X96_SHARED)
            } else if outChannels % 256 == 0 {
                (name, rows, columns) = ("convolution_sm90_128x256", 128, 256)
                (depth, sharedBytes) = (CK_CONVOLUTION_SM90_DEPTH, CK_CONVOLUTION_SM90_128X256_SHARED)
            } else {
                (name, rows, columns) = ("convolution_sm90_256x192", 256, 192)
                (depth, sharedBytes) = (CK_CONVOLUTION_SM90_DEPTH, CK_CONVOLUTION_SM90_256X192_SHARED)
            }
        }

        /// Height and width of a tile, so that as few as possible cover a frame; the wider of equals.
        func tile(height: Int, width: Int) -> (height: Int, width: Int) {
            let candidates = [64, 32, 16, 8, 4, 2, 1].map { (height: rows / $0, width: $0) }.filter { $0.height <= 256 }
            func count(_ tile: (height: Int, width: Int)) -> Int {
                (height + tile.height - 1) / tile.height * ((width + tile.width - 1) / tile.width)
            }
            var best = candidates[0]
            for candidate in candidates where count(candidate) < count(best) { best = candidate }
            return best
        }
    }

    // MARK: attention

    /// Long sequences: short ones would leave most of a tile empty.
    ///
    /// Of the biases the last key's alone.
    func serves(_ problem: AttentionProblem, _ bias: AttentionBias?) -> Bool {
        guard problem.queries >= 128, problem.keys >= 128 else { return false }
        return switch bias {
        case nil, .lastKey: true
        case .perHead, .perKey: false
        }
    }

    func attention(
        _ problem: AttentionProblem, _ q: Tensor, _ k: Tensor, _ v: Tensor, _ scale: Float, _ bias: AttentionBias?,
        into out: Tensor
    ) throws(ComputeError) {
        let shape = problem.headDim <= 64 ? AttentionShape.narrow : AttentionShape.wide
        var arguments = ck_attention_sm90_arguments()
        arguments.q = try tokens(q, problem, problem.queries, box: CK_ATTENTION_SM90_BOX_QUERIES)
        arguments.k = try tokens(k, problem, problem.keys, box: shape.keys)
        arguments.v = try tokens(v, problem, problem.keys, box: shape.keys)
        arguments.out = try tokens(out, problem, problem.queries, box: CK_ATTENTION_SM90_BOX_QUERIES)
        (arguments.queries, arguments.keys) = (Int32(problem.queries), Int32(problem.keys))
        (arguments.groups, arguments.heads) = (Int32(problem.groups), Int32(problem.heads))
        arguments.scale = scale
        if case .lastKey(let bias) = bias { arguments.last_bias = backend.address(bias[problem.keys - 1]) }
        let tiles = (problem.queries + shape.queries - 1) / shape.queries * problem.groups * problem.heads
        try backend.launch(
            shape.name, of: "attention_sm90", blocks: min(tiles, backend.device.multiprocessors),
            threads: shape.threads,
            shared: shape.sharedBytes, arguments)
    }

    /// One of the two kernels, by the widest head that it takes.
    private struct AttentionShape {
        let name: String
        let queries: Int
        let keys: Int
        let threads: Int
        let sharedBytes: Int

        static let narrow = AttentionShape(
            name: "attention_sm90_64", queries: CK_ATTENTION_SM90_64_QUERIES, keys: CK_ATTENTION_SM90_64_KEYS,
            threads: CK_ATTENTION_SM90_64_THREADS, sharedBytes: CK_ATTENTION_SM90_64_SHARED_BYTES)
        static let wide = AttentionShape(
            name: "attention_sm90_128", queries: CK_ATTENTION_SM90_128_QUERIES, keys: CK_ATTENTION_SM90_128_KEYS,
            threads: CK_ATTENTION_SM90_128_THREADS, sharedBytes: CK_ATTENTION_SM90_128_SHARED_BYTES)
    }

    private func tokens(
        _ x: Tensor, _ problem: AttentionProblem, _ count: Int, box: Int
    ) throws(ComputeError) -> ck_tensor_map {
        try backend.map(
            backend.address(x), .bf16, extents: [problem.headDim, count, problem.groups, problem.heads],
            strides: [problem.tokenStride * problem.width, problem.groupStride * problem.width, problem.headDim],
            box: [64, box, 1, 1])
    }
}

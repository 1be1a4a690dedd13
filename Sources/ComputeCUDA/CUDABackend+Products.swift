import CKernels
package import Compute

extension CUDABackend {
    package func linear(
        _ x: Tensor, _ weight: LinearWeight, bias: Tensor?, _ epilogue: Epilogue, into out: Tensor
    ) throws(ComputeError) {
        let (columns, depth) = (weight.outFeatures, weight.inFeatures)
        precondition(
            x.shape.last == depth && x.dtype == weight.dtype,
            "linear of \(x.shape) \(x.dtype) by \(columns) x \(depth) \(weight.dtype)")
        let rows = x.count / max(depth, 1)
        precondition(out.count == rows * columns, "linear into \(out.shape)")
        guard out.count > 0, try !linearByRuns(x, weight, bias: bias, epilogue, into: out) else { return }
        var matrix: Tensor?
        if let stored = weight.storage as? QuantisedStorage { matrix = try dequantised(stored, as: x.dtype) }
        var product = ck_gemm_arguments()
        (product.out, product.a) = (address(out), address(x))
        product.b = matrix.map { address($0) } ?? address(weight.storage)
        if let bias { product.bias = floats(bias, count: columns, "bias") }
        if case .gatedAdd(let gate, _) = epilogue { product.gate = floats(gate, count: columns, "gate") }
        (product.m, product.n, product.k) = (Int32(rows), Int32(columns), Int32(depth))
        (product.out_stride, product.a_stride, product.b_stride) = (Int32(columns), Int32(depth), Int32(depth))
        (product.outer, product.inner) = (1, 1)
        product.epilogue = epilogue.number
        product.alpha = 1
        let stored = weight.format.quantisation == nil ? weight.format.dtype : x.dtype
        try self.product(product, isTransposed: false, x.dtype, stored, out.dtype)
        // Not before the product is queued may others have its memory.
        withExtendedLifetime(matrix) {}
    }

    /// Runs a product on whatever serves it best.
    ///
    /// - Parameter isTransposed: whether b is stored `[k, n]`.
    func product(
        _ product: ck_gemm_arguments, isTransposed: Bool, _ a: DType, _ b: DType, _ out: DType
    ) throws(ComputeError) {
        var product = product
        (product.a_dtype, product.b_dtype, product.out_dtype) = (a.number, b.number, out.number)
        let batch = Int(product.outer) * Int(product.inner)
        guard a == .bf16, b == .bf16, isAligned(product, isTransposed: isTransposed) else {
            return try launchProduct(
                isTransposed ? "gemm_kn_simt" : "gemm_simt", of: "gemm_simt", product,
                tile: (CK_SIMT_TILE, CK_SIMT_TILE), batch,
                threads: CK_SIMT_THREADS, shared: CK_SIMT_SHARED)
        }
        if !isTransposed, batch == 1 {
            if let hopper, hopper.serves(product, out) { return try hopper.product(product, out) }
            if servers.contains(.library), let library, try library.product(product, out) { return }
        }
        let name = isTransposed ? "gemm_kn" : "gemm"
        let large = tiles(product, 128) * batch
        let side = large >= device.multiprocessors ? 128 : 64
        try launchProduct(
            "\(name)_\(side)x\(side)", of: "gemm", product, tile: (side, side), batch, threads: CK_GEMM_THREADS,
            shared: CK_GEMM_SHARED)
    }

    private func launchProduct(
        _ name: String, of module: String, _ product: ck_gemm_arguments, tile: (rows: Int, columns: Int), _ batch: Int,
        threads: Int,
        shared: Int
    ) throws(ComputeError) {
        let rows = (Int(product.m) + tile.rows - 1) / tile.rows
        let columns = (Int(product.n) + tile.columns - 1) / tile.columns
        try launch(name, of: module, blocks: rows * columns, batch: batch, threads: threads, shared: shared, product)
    }

    private func tiles(_ product: ck_gemm_arguments, _ side: Int) -> Int {
        (Int(product.m) + side - 1) / side * ((Int(product.n) + side - 1) / side)
    }

    /// Whether every row of a and b begins at a multiple of 16 bytes, and a's rows have a whole number of them.
    private func isAligned(_ product: ck_gemm_arguments, isTransposed: Bool) -> Bool {
        let distances = [
            Int64(product.a_stride), Int64(product.b_stride), product.a_outer, product.a_inner, product.b_outer,
            product.b_inner,
        ]
        let depth = isTransposed ? product.a_stride : product.k
        return product.a % 16 == 0 && product.b % 16 == 0 && depth % 8 == 0 && distances.allSatisfy { $0 % 8 == 0 }
    }

    package func convolution(
        _ x: Tensor, history: [Tensor?], _ weight: ConvolutionWeight, window: Window, bias: Tensor?, accumulate: Bool,
        into out: Tensor
    ) throws(ComputeError) {
        checkConvolution(x, history: history, weight, window, into: out)
        // Kernels note in nine bits which places of a frame exist.
        precondition(
            weight.kernel.allSatisfy { $0 <= 3 } && history.count <= 2,
            "kernel \(weight.kernel) with \(history.count) frames before")
        guard out.count > 0 else { return }
        if weight.kernel == [1, 1, 1] {
            let matrix = LinearWeight(
                storage: weight.storage, outFeatures: weight.outChannels, inFeatures: weight.inChannels,
                dtype: weight.dtype)
            return try linear(x, matrix, bias: bias, accumulate ? .add : .none, into: out)
        }
        var arguments = ck_convolution_arguments()
        (arguments.out, arguments.x, arguments.weight) = (address(out), address(x), address(weight.storage))
        if let bias { arguments.bias = floats(bias, count: weight.outChannels, "bias") }
        let frames = history.map { $0.map { address($0) } ?? 0 } + [0, 0]
        arguments.history = (frames[0], frames[1])
        place(window, x.shape, out.shape, in: &arguments)
        (arguments.in_channels, arguments.out_channels) = (Int32(weight.inChannels), Int32(weight.outChannels))
        (arguments.kernel_frames, arguments.kernel_height, arguments.kernel_width) = (
            Int32(weight.kernel[0]), Int32(weight.kernel[1]), Int32(weight.kernel[2])
        )
        arguments.accumulate = accumulate ? 1 : 0
        (arguments.x_dtype, arguments.weight_dtype) = (x.dtype.number, weight.dtype.number)
        arguments.out_dtype = out.dtype.number
        try convolution(arguments, x.dtype, out.dtype, isCausal: window == .causal(weight.kernel))
    }

    private func place(_ window: Window, _ x: Shape, _ out: Shape, in arguments: inout ck_convolution_arguments) {
        func all(_ of: KeyPath<Window.Axis, Int>) -> (Int32, Int32, Int32) {
            (Int32(window.time[keyPath: of]), Int32(window.height[keyPath: of]), Int32(window.width[keyPath: of]))
        }
        (arguments.frames, arguments.height, arguments.width) = (Int32(out[0]), Int32(out[1]), Int32(out[2]))
        (arguments.x_height, arguments.x_width) = (Int32(x[1]), Int32(x[2]))
        (arguments.stride, arguments.dilation) = (all(\.stride), all(\.dilation))
        (arguments.history_frames, arguments.above, arguments.left) = all(\.before)
    }

    private func convolution(
        _ arguments: ck_convolution_arguments, _ dtype: DType, _ outType: DType, isCausal: Bool
    ) throws(ComputeError) {
        let places = [arguments.x, arguments.weight, arguments.history.0, arguments.history.1]
        guard dtype == .bf16, arguments.in_channels % 8 == 0, places.allSatisfy({ $0 % 16 == 0 }) else {
            return try launchConvolution(
                "convolution_simt", of: "convolution_simt", arguments, tile: (CK_SIMT_TILE, CK_SIMT_TILE),
                threads: CK_SIMT_THREADS, shared: CK_SIMT_SHARED)
        }
        if isCausal, let hopper, hopper.serves(arguments, outType) {
            return try hopper.convolution(arguments, outType)
        }
        let columns = columns(covering: Int(arguments.out_channels))
        try launchConvolution(
            "convolution_128x\(columns)", of: "convolution", arguments, tile: (CK_CONVOLUTION_ROWS, columns),
            threads: CK_GEMM_THREADS, shared: CK_CONVOLUTION_SHARED + columns * CK_CONVOLUTION_COLUMN_SHARED)
    }

    /// The width of tile that leaves the fewest columns empty, the widest of equals.
    private func columns(covering channels: Int) -> Int {
        func covered(_ width: Int) -> Int { (channels + width - 1) / width * width }
        var best = 128
        for width in [96, 64, 32] where covered(width) < covered(best) { best = width }
        return best
    }

    /// Tiles of places in one frame by tiles of channels.
    private func launchConvolution(
        _ name: String, of module: String, _ arguments: ck_convolution_arguments, tile: (rows: Int, columns: Int),
        threads: Int, shared: Int
    ) throws(ComputeError) {
        let places = Int(arguments.height) * Int(arguments.width)
        let rows = Int(arguments.frames) * ((places + tile.rows - 1) / tile.rows)
        let columns = (Int(arguments.out_channels) + tile.columns - 1) / tile.columns
        try launch(name, of: module, blocks: rows * columns, threads: threads, shared: shared, arguments)
    }
}

extension Epilogue {
    /// As the kernels number them.
    fileprivate var number: Int32 {
        switch self {
        case .none: Int32(CK_EPILOGUE_NONE.rawValue)
        case .gelu: Int32(CK_EPILOGUE_GELU.rawValue)
        case .silu: Int32(CK_EPILOGUE_SILU.rawValue)
        case .add: Int32(CK_EPILOGUE_ADD.rawValue)
        case .gatedAdd: Int32(CK_EPILOGUE_GATED_ADD.rawValue)
        }
    }
}

extension DType {
    /// As the kernels number them.
    var number: Int32 {
        switch self {
        case .f32: Int32(CK_DTYPE_F32.rawValue)
        case .bf16: Int32(CK_DTYPE_BF16.rawValue)
        case .f16: Int32(CK_DTYPE_F16.rawValue)
        case .u8, .i32: preconditionFailure("no kernel computes on \(self)")
        }
    }
}

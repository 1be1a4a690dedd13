import CKernels
import COneDNN
package import Compute

/// What decides the primitive that convolves frames one by one.
struct ConvolutionKey: Hashable {
    /// Frames, height, width.
    let extent: [Int]
    let inChannels: Int
    let outChannels: Int
    /// Extent in height and width.
    let kernel: [Int]
    let dtype: DType
    let outType: DType
    let hasBias: Bool
    let accumulates: Bool
    let threads: Int
}

extension CPUBackend {
    package func convolutionWeight(
        _ stored: StoredTensor, for dtype: DType
    ) throws(ComputeError) -> ConvolutionWeight {
        precondition(stored.shape.rank == 5, "convolution weight \(stored.shape)")
        let kernel = Array(stored.shape.dims[2...])
        let storage: any Storage
        if kernel == [1, 1, 1] {
            storage = try linearWeight(stored, for: dtype).storage
        } else if convolvesOurselves(dtype) {
            storage = try packedKernel(stored, for: dtype)
        } else {
            storage = KernelStorage(try stored.dtype == .f16 ? converted(stored, to: .f32) : resident(stored))
        }
        return ConvolutionWeight(
            storage: storage, outChannels: stored.shape[0], inChannels: stored.shape[1], kernel: kernel, dtype: dtype)
    }

    package func convolution(
        _ x: Tensor, history: [Tensor?], _ weight: ConvolutionWeight, bias: Tensor?, accumulate: Bool, into out: Tensor
    ) throws(ComputeError) {
        checkConvolution(x, history: history, weight, into: out)
        guard out.count > 0 else { return }
        if weight.storage is MatrixStorage {
            let matrix = LinearWeight(
                storage: weight.storage, outFeatures: weight.outChannels, inFeatures: weight.inChannels,
                dtype: weight.dtype)
            try linear(x, matrix, bias: bias, accumulate ? .add : .none, into: out)
        } else if let packed = weight.storage as? PackedKernel {
            try convolveOurselves(x, history: history, packed, bias: bias, accumulate: accumulate, into: out)
        } else if out.dtype == .f32 || x.dtype == .bf16 && history.isEmpty {
            try convolve(x, history, weight, bias, accumulate, into: out)
        } else {
            // Neither sums in bf16 nor f32 into bf16 does oneDNN have.
            let wide = try allocate(out.shape, .f32)
            if accumulate { try copy(out, into: wide) }
            try convolve(x, history, weight, bias, accumulate, into: wide)
            try copy(wide, into: out)
        }
    }

    /// Frame by frame, one product for each frame that the kernel sees; the sums wait in `out`.
    private func convolve(
        _ x: Tensor, _ history: [Tensor?], _ weight: ConvolutionWeight, _ bias: Tensor?, _ accumulate: Bool,
        into out: Tensor
    ) throws(ComputeError) {
        guard !history.isEmpty else { return try product(x, tap: 0, weight, bias, accumulate, into: out) }
        let frames = history + (0..<x.shape[0]).map { x[$0] }
        for index in 0..<x.shape[0] {
            var isFirst = true
            for (tap, frame) in frames[index...index + history.count].enumerated() {
                guard let frame else { continue }
                let part = frame.reshaped(Shape([1] + frame.shape.dims))
                try product(
                    part, tap: tap, weight, isFirst ? bias : nil, accumulate || !isFirst, into: out[index..<index + 1])
                isFirst = false
            }
        }
    }

    /// Convolves each frame of x with one slice in time of the kernel.
    private func product(
        _ x: Tensor, tap: Int, _ weight: ConvolutionWeight, _ bias: Tensor?, _ accumulate: Bool, into out: Tensor
    ) throws(ComputeError) {
        guard let kernel = weight.storage as? KernelStorage else { preconditionFailure("weight of another backend") }
        let side = Array(weight.kernel.dropFirst())
        let key = ConvolutionKey(
            extent: Array(out.shape.dims.dropLast()), inChannels: weight.inChannels, outChannels: weight.outChannels,
            kernel: side, dtype: x.dtype, outType: out.dtype, hasBias: bias != nil, accumulates: accumulate,
            threads: useThreads(forOperations: out.count * weight.inChannels * side[0] * side[1]))
        let primitive = try convolutions.value(key) { () throws(ComputeError) in try makeConvolution(key) }
        let layout = primitive.weightsLayout
        let packed = try kernel.packed(tap: tap, layout) { () throws(ComputeError) in
            try pack(kernel.stored, tap: tap, into: layout)
        }
        var arrays = unsafe [address(x), packed.address, target(out)]
        if let bias { unsafe arrays.append(UnsafeMutableRawPointer(floats(bias, count: weight.outChannels, "bias"))) }
        let scratch = try primitive.scratchBytes > 0 ? scratch(primitive.scratchBytes) : nil
        try unsafe primitive.run(arrays, scratch: scratch?.address)
    }

    /// One slice in time of a stored kernel `[out, in, t, h, w]`, in the primitive's layout.
    private func pack(
        _ stored: Tensor, tap: Int, into layout: Layout
    ) throws(ComputeError) -> HostStorage {
        let target = try HostStorage(layout.byteCount, from: pool)
        let dims = stored.shape.dims
        let plane = dims[3] * dims[4]
        let slice = try Layout(
            [dims[0], dims[1], dims[3], dims[4]], stored.dtype,
            strides: [dims[1] * dims[2] * plane, dims[2] * plane, dims[4], 1])
        let start = unsafe address(stored) + tap * plane * stored.dtype.byteWidth
        try unsafe oneDNN.reorder(start, slice, into: target.address, layout, acceptsLoop: true)
        (stored.storage as? HostStorage)?.dropPages()
        return target
    }

    private func makeConvolution(_ key: ConvolutionKey) throws(ComputeError) -> Primitive {
        let extent = key.extent
        let x = try Layout([extent[0], key.inChannels, extent[1], extent[2]], key.dtype, CDNN_ORDER_NHWC)
        let out = try Layout([extent[0], key.outChannels, extent[1], extent[2]], key.outType, CDNN_ORDER_NHWC)
        let weights = try Layout([key.outChannels, key.inChannels] + key.kernel, key.dtype, CDNN_ORDER_ANY)
        let bias = try key.hasBias ? Layout([key.outChannels], .f32, CDNN_ORDER_A) : nil
        let padding = key.kernel.map { Int64($0 / 2) }
        defer { withExtendedLifetime((x, weights, out, bias)) {} }
        let primitive = try unsafe Primitive.kernel(on: oneDNN, acceptsLoop: true) {
            unsafe cdnn_convolution_create(
                &$0, oneDNN.engine, out.handle, x.handle, weights.handle, bias?.handle,
                key.accumulates ? CDNN_AFTER_ADD : CDNN_AFTER_NOTHING, padding[0], padding[1])
        }
        guard let primitive else {
            throw .unsupported(operation: "convolution", detail: "\(key)", backend: name)
        }
        return primitive
    }
}

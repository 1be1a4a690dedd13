import CKernels
import COneDNN
package import Compute

/// What decides a convolution's primitive.
struct ConvolutionKey: Hashable {
    /// Frames, height, width of the output.
    let extent: [Int]
    let inChannels: Int
    let outChannels: Int
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
        } else if computesNatively(dtype) {
            storage = KernelStorage(try stored.dtype == .f16 ? converted(stored, to: .f32) : resident(stored))
        } else {
            // Rounded like the activations, but multiplied in f32.
            let wide = try allocate(stored.shape, .f32)
            try copy(converted(stored, to: dtype), into: wide)
            storage = KernelStorage(wide)
        }
        return ConvolutionWeight(
            storage: storage, outChannels: stored.shape[0], inChannels: stored.shape[1], kernel: kernel, dtype: dtype)
    }

    package func convolution(
        _ x: Tensor, _ weight: ConvolutionWeight, bias: Tensor?, accumulate: Bool, into out: Tensor
    ) throws(ComputeError) {
        let expected = Shape([x.shape[0] - weight.kernel[0] + 1, x.shape[1], x.shape[2], weight.outChannels])
        precondition(
            x.shape.rank == 4 && x.shape.last == weight.inChannels && x.dtype == weight.dtype,
            "convolution of \(x.shape) \(x.dtype) by \(weight.inChannels) channels \(weight.dtype)")
        precondition(out.shape == expected, "convolution into \(out.shape), not \(expected)")
        guard out.count > 0 else { return }
        if weight.storage is MatrixStorage {
            let matrix = LinearWeight(
                storage: weight.storage, outFeatures: weight.outChannels, inFeatures: weight.inChannels,
                dtype: weight.dtype)
            try linear(x, matrix, bias: bias, accumulate ? .add : .none, into: out)
        } else if computesNatively(x.dtype), x.dtype == .bf16 || out.dtype == .f32 {
            try convolve(x, weight, bias, accumulate, into: out)
        } else {
            try convolveInF32(x, weight, bias, accumulate, into: out)
        }
    }

    private func convolve(
        _ x: Tensor, _ weight: ConvolutionWeight, _ bias: Tensor?, _ accumulate: Bool, into out: Tensor
    ) throws(ComputeError) {
        guard let kernel = weight.storage as? KernelStorage else { preconditionFailure("weight of another backend") }
        let extent = Array(out.shape.dims[..<3])
        let operations = out.count * weight.inChannels * weight.kernel.reduce(1, *)
        let key = ConvolutionKey(
            extent: extent, inChannels: weight.inChannels, outChannels: weight.outChannels, kernel: weight.kernel,
            dtype: x.dtype, outType: out.dtype, hasBias: bias != nil, accumulates: accumulate,
            threads: useThreads(forOperations: operations))
        let primitive = try convolutions.primitive(key) { () throws(ComputeError) in try makeConvolution(key) }
        let layout = primitive.weightsLayout
        let packed = try kernel.packed(layout) { () throws(ComputeError) in
            try pack(kernel.stored, into: layout)
        }
        var arrays = unsafe [address(x), packed.address, target(out)]
        if let bias { unsafe arrays.append(UnsafeMutableRawPointer(floats(bias, count: weight.outChannels, "bias"))) }
        let scratch = try primitive.scratchBytes > 0 ? scratch(primitive.scratchBytes) : nil
        try unsafe primitive.run(arrays, scratch: scratch?.address)
    }

    private func pack(_ stored: Tensor, into layout: dnnl_memory_desc_t) throws(ComputeError) -> HostStorage {
        let target = try HostStorage(layout.byteCount, from: pool)
        let plain = try dnnl_memory_desc_t(stored.shape.dims, stored.dtype, dnnl_oidhw)
        try unsafe oneDNN.reorder(address(stored), plain, into: target.address, layout)
        (stored.storage as? HostStorage)?.dropPages()
        return target
    }

    /// Convolutions that oneDNN does not have here: bf16 on older CPUs, f32 into bf16.
    private func convolveInF32(
        _ x: Tensor, _ weight: ConvolutionWeight, _ bias: Tensor?, _ accumulate: Bool, into out: Tensor
    ) throws(ComputeError) {
        let wideX = try x.dtype == .f32 ? x : allocate(x.shape, .f32)
        let wideOut = try out.dtype == .f32 ? out : allocate(out.shape, .f32)
        if x.dtype != .f32 { try copy(x, into: wideX) }
        if accumulate, out.dtype != .f32 { try copy(out, into: wideOut) }
        let wideWeight = ConvolutionWeight(
            storage: weight.storage, outChannels: weight.outChannels, inChannels: weight.inChannels,
            kernel: weight.kernel, dtype: .f32)
        try convolve(wideX, wideWeight, bias, accumulate, into: wideOut)
        if out.dtype != .f32 { try copy(wideOut, into: out) }
    }

    private func makeConvolution(_ key: ConvolutionKey) throws(ComputeError) -> Primitive {
        let (extent, kernel) = (key.extent, key.kernel)
        let frames = extent[0] + kernel[0] - 1
        var x = try dnnl_memory_desc_t(
            [1, key.inChannels, frames, extent[1], extent[2]], key.dtype, dnnl_ndhwc)
        var out = try dnnl_memory_desc_t([1, key.outChannels] + extent, key.outType, dnnl_ndhwc)
        var weights = try dnnl_memory_desc_t(
            [key.outChannels, key.inChannels] + kernel, key.dtype, dnnl_format_tag_any)
        var vector = try dnnl_memory_desc_t([key.outChannels], .f32, dnnl_a)
        let strides = Self.dims([1, 1, 1])
        let padding = Self.dims([0, kernel[1] / 2, kernel[2] / 2])
        var convolution = dnnl_convolution_desc_t()
        if key.hasBias {
            try unsafe check(
                dnnl_convolution_forward_desc_init(
                    &convolution, dnnl_forward_inference, dnnl_convolution_direct, &x, &weights, &vector, &out,
                    strides, padding, padding), "dnnl_convolution_forward_desc_init")
        } else {
            try unsafe check(
                dnnl_convolution_forward_desc_init(
                    &convolution, dnnl_forward_inference, dnnl_convolution_direct, &x, &weights, nil, &out,
                    strides, padding, padding), "dnnl_convolution_forward_desc_init")
        }
        let attributes = try Attributes()
        if key.accumulates { try attributes.appendSum() }
        var slots = [(DNNL_ARG_SRC, x), (DNNL_ARG_WEIGHTS, weights), (DNNL_ARG_DST, out)]
        if key.hasBias { slots.append((DNNL_ARG_BIAS, vector)) }
        let description = try unsafe attributes.describe(&convolution, on: oneDNN)
        return try unsafe Primitive(consuming: description, slots: slots, on: oneDNN)
    }

    /// Extents as oneDNN's fixed-length array.
    private static func dims(_ values: [Int]) -> [Int64] {
        values.map(Int64.init) + [Int64](repeating: 0, count: Int(DNNL_MAX_NDIMS) - values.count)
    }
}

import CKernels
package import Compute

/// A convolution kernel for CKernels: as it is stored where they transform it for each call, else packed.
@safe
final class OwnKernel: Storage {
    let kernel: ck_kernel
    fileprivate let stored: Tensor
    fileprivate var packed: HostStorage?

    init(_ stored: Tensor, for dtype: DType) {
        let dims = stored.shape.dims
        self.stored = stored
        kernel = ck_kernel(
            in_channels: dims[1], out_channels: dims[0], extent: (dims[2], dims[3], dims[4]), x_dtype: dtype.ck)
    }

    var byteCount: Int { packed?.byteCount ?? stored.byteCount }

    /// Memory that can be read again from its file.
    fileprivate func dropPages() { (stored.storage as? HostStorage)?.dropPages() }
}

extension CPUBackend {
    /// Whether CKernels convolve frames of this dtype.
    func convolvesOurselves(_ dtype: DType) -> Bool { multipliesAlone || !computesNatively(dtype) }

    /// A stored kernel `[out, in, t, h, w]` for frames of a dtype.
    func ownKernel(_ stored: Tensor, for dtype: DType) throws(ComputeError) -> OwnKernel {
        let kernel = OwnKernel(stored, for: dtype)
        if !transforms(kernel) { _ = try packed(kernel) }
        return kernel
    }

    /// Whether kernels may be transformed for each call: not where the hardware multiplies pairs of bf16.
    private func transformsKernels(for dtype: ck_dtype) -> Bool {
        unsafe dtype == CK_DTYPE_F32 || ck_pool_isa(workers) != CK_ISA_AVX512_BF16
    }

    /// The same of one: with fewer channels that takes longer than is won.
    private func transforms(_ own: OwnKernel) -> Bool {
        let kernel = own.kernel
        return transformsKernels(for: kernel.x_dtype) && kernel.extent.1 == 3 && kernel.extent.2 == 3
            && min(kernel.in_channels, kernel.out_channels) >= 16
    }

    /// Rounded to the dtype of the frames and packed, once.
    private func packed(_ own: OwnKernel) throws(ComputeError) -> HostStorage {
        if let packed = own.packed { return packed }
        var kernel = own.kernel
        let host = try unsafe HostStorage(ck_kernel_bytes(&kernel, workers), from: pool)
        guard unsafe ck_kernel_pack(host.address, address(own.stored), own.stored.dtype.ck, &kernel, workers) else {
            throw ComputeError.outOfMemory(requested: 0, backend: name)
        }
        own.dropPages()
        own.packed = host
        return host
    }

    func convolveOurselves(
        _ x: Tensor, history: [Tensor?], _ own: OwnKernel, _ window: Window, bias: Tensor?, accumulate: Bool,
        into out: Tensor
    ) throws(ComputeError) {
        oneDNN.note(
            "convolution \(x.shape) to \(own.kernel.out_channels) channels, \(x.dtype) to \(out.dtype)", "CKernels")
        let frames = history + (0..<x.shape[0]).map { x[$0] }
        let call = unsafe OwnConvolution(
            frames: unsafe frames.map { unsafe $0.map { unsafe UnsafeRawPointer(address($0)) } }, window: window,
            height: x.shape[1], width: x.shape[2], bias: bias, accumulates: accumulate)
        // Decided by one frame: those that come one by one have the same bits as many.
        guard transforms(own), window.seesNeighbours, out.shape[1] * out.shape[2] >= 64 else {
            return try multiply(call, own, into: out)
        }
        defer { own.dropPages() }
        let done = try transformStart(call, own, into: out)
        guard done < out.shape[0] else { return }
        try transform(call, own, from: done * window.time.stride, into: out[done..<out.shape[0]])
    }

    private func multiply(_ call: OwnConvolution, _ own: OwnKernel, into out: Tensor) throws(ComputeError) {
        let packed = try packed(own)
        var (kernel, window) = (own.kernel, call.ckWindow)
        let done = unsafe ck_convolution(
            target(out), out.dtype.ck, call.frames, &kernel, packed.address, &window,
            call.bias.map { unsafe floats($0, count: kernel.out_channels, "bias") }, call.accumulates, out.shape[0],
            out.shape[1], out.shape[2], workers)
        guard done else { throw ComputeError.outOfMemory(requested: 0, backend: name) }
    }

    /// The results in front of a clip's second frame, where its first is also what was before; gives their number.
    ///
    /// Slices in time that meet the same frame are added up, and multiplied once.
    private func transformStart(
        _ call: OwnConvolution, _ own: OwnKernel, into out: Tensor
    ) throws(ComputeError) -> Int {
        let time = call.window.time
        // Frames that come one by one have the same bits whether their past is kept or the same frame again.
        guard out.shape[0] > 1, time.stride == 1, time.dilation == 1, unsafe call.frames[0] != nil else { return 0 }
        let same = unsafe min(call.frames.prefix { unsafe $0 == call.frames[0] }.count, own.kernel.extent.0)
        let count = min(same - 1, out.shape[0])
        for index in 0..<count {
            try transform(call, own, from: same - 1, folded: same - 1 - index, into: out[index..<index + 1])
        }
        return count
    }

    /// Results of the frames from `first` on.
    ///
    /// - Parameter folded: slices in time that see no frame of their own, but that of the next.
    private func transform(
        _ call: OwnConvolution, _ own: OwnKernel, from first: Int, folded: Int = 0, isDoubled: Bool = false,
        into out: Tensor
    ) throws(ComputeError) {
        let done = unsafe call.frames[first...].withUnsafeBufferPointer { frames in
            var call = unsafe ck_winograd_call(
                out: target(out), out_dtype: out.dtype.ck, frames: frames.baseAddress, w: address(own.stored),
                w_dtype: own.stored.dtype.ck, kernel: own.kernel, folded: folded, window: call.ckWindow,
                doubled: isDoubled, bias: call.bias.map { unsafe floats($0, count: out.shape.last, "bias") },
                accumulates: call.accumulates, count: out.shape[0], height: out.shape[1], width: out.shape[2])
            return unsafe ck_winograd(&call, workers)
        }
        guard done else { throw ComputeError.outOfMemory(requested: 0, backend: name) }
    }
}

extension CPUBackend {
    package func doublingWeight(
        _ stored: StoredTensor, for dtype: DType
    ) throws(ComputeError) -> ConvolutionWeight? {
        guard convolvesOurselves(dtype), transformsKernels(for: dtype.ck), Array(stored.shape.dims[2...]) == [1, 3, 3]
        else { return nil }
        return ConvolutionWeight(
            storage: OwnKernel(try dense(stored), for: dtype), outChannels: stored.shape[0],
            inChannels: stored.shape[1], kernel: [1, 3, 3], dtype: dtype)
    }

    package func doublingConvolution(
        _ x: Tensor, _ weight: ConvolutionWeight, bias: Tensor?, into out: Tensor
    ) throws(ComputeError) {
        guard let own = weight.storage as? OwnKernel else { preconditionFailure("weight of another backend") }
        let (frames, height, width) = (x.shape[0], x.shape[1], x.shape[2])
        precondition(
            out.shape == [frames, 2 * height, 2 * width, weight.outChannels], "\(x.shape) doubled to \(out.shape)")
        oneDNN.note("convolution of \(x.shape) doubled, to \(weight.outChannels) channels", "CKernels")
        let call = unsafe OwnConvolution(
            frames: unsafe (0..<frames).map { unsafe UnsafeRawPointer(address(x[$0])) },
            window: .causal([1, 3, 3]), height: height, width: width, bias: bias, accumulates: false)
        try transform(call, own, from: 0, isDoubled: true, into: out)
        own.dropPages()
    }
}

extension Window {
    /// Whether neighbouring results see neighbouring places.
    fileprivate var seesNeighbours: Bool { [height, width].allSatisfy { $0.stride == 1 && $0.dilation == 1 } }
}

/// What CKernels convolve.
@safe
private struct OwnConvolution {
    /// Those that the kernel sees, from the first result on; nil is a frame of zeros.
    let frames: [UnsafeRawPointer?]
    let window: Window
    let height: Int
    let width: Int
    let bias: Tensor?
    let accumulates: Bool

    var ckWindow: ck_window {
        ck_window(
            stride: (window.time.stride, window.height.stride, window.width.stride),
            dilation: (window.time.dilation, window.height.dilation, window.width.dilation),
            above: window.height.before, left: window.width.before, height: height, width: width)
    }
}

import CKernels
package import Compute

/// A convolution kernel, packed for CKernels.
@safe
final class PackedKernel: Storage {
    let host: HostStorage
    let kernel: ck_kernel

    init(_ host: HostStorage, _ kernel: ck_kernel) {
        self.host = host
        self.kernel = kernel
    }

    var byteCount: Int { host.byteCount }
}

extension CPUBackend {
    /// Whether CKernels convolve frames of this dtype.
    func convolvesOurselves(_ dtype: DType) -> Bool { multipliesAlone || !computesNatively(dtype) }

    /// A stored kernel `[out, in, t, h, w]`, rounded to the dtype of the frames.
    func packedKernel(_ stored: Tensor, for dtype: DType) throws(ComputeError) -> PackedKernel {
        let dims = stored.shape.dims
        var kernel = ck_kernel(
            in_channels: dims[1], out_channels: dims[0], extent: (dims[2], dims[3], dims[4]), x_dtype: dtype.ck)
        let host = try unsafe HostStorage(ck_kernel_bytes(&kernel, workers), from: pool)
        guard unsafe ck_kernel_pack(host.address, address(stored), stored.dtype.ck, &kernel, workers) else {
            throw ComputeError.outOfMemory(requested: 0, backend: name)
        }
        (stored.storage as? HostStorage)?.dropPages()
        return PackedKernel(host, kernel)
    }

    func convolveOurselves(
        _ x: Tensor, history: [Tensor?], _ packed: PackedKernel, _ window: Window, bias: Tensor?, accumulate: Bool,
        into out: Tensor
    ) throws(ComputeError) {
        oneDNN.note(
            "convolution \(x.shape) to \(packed.kernel.out_channels) channels, \(x.dtype) to \(out.dtype)", "CKernels")
        let frames = history + (0..<x.shape[0]).map { x[$0] }
        let call = unsafe OwnConvolution(
            frames: unsafe frames.map { unsafe $0.map { unsafe UnsafeRawPointer(address($0)) } }, window: window,
            height: x.shape[1], width: x.shape[2], bias: bias, accumulates: accumulate)
        let done = try convolveStart(call, packed, into: out)
        guard done < out.shape[0] else { return }
        try unsafe convolve(
            call, from: done * window.time.stride, packed.kernel, packed.host.address, into: out[done..<out.shape[0]])
    }

    /// The results in front of a clip's second frame, where its first is also what was before; gives their number.
    ///
    /// Slices in time that meet the same frame are added up, and multiplied once.
    private func convolveStart(
        _ call: OwnConvolution, _ packed: PackedKernel, into out: Tensor
    ) throws(ComputeError) -> Int {
        let times = packed.kernel.extent.0
        let same = unsafe min(call.frames.prefix { unsafe $0 == call.frames[0] }.count, times)
        let time = call.window.time
        // Frames that come one by one have the same bits whether their past is kept or the same frame again.
        guard out.shape[0] > 1, same > 1, time.stride == 1, time.dilation == 1 else { return 0 }
        guard packed.kernel.x_dtype == CK_DTYPE_F32, unsafe call.frames[0] != nil else { return 0 }
        let slices = Tensor(storage: packed.host, shape: [times, packed.byteCount / times / 4], dtype: .f32)
        let sums = try allocate(slices.shape, .f32)
        try copy(slices, into: sums)
        for count in 2...same {
            let sum = sums[count - 1]
            try combine([(1, sums[count - 2]), (1, sum)], into: sum)
            let index = same - count
            guard index < out.shape[0] else { continue }
            var kernel = packed.kernel
            kernel.extent.0 = times - count + 1
            try unsafe convolve(call, from: same - 1, kernel, target(sum), into: out[index..<index + 1])
        }
        return min(same - 1, out.shape[0])
    }

    /// Results of the frames from `first` on.
    private func convolve(
        _ call: OwnConvolution, from first: Int, _ kernel: ck_kernel, _ packed: UnsafeRawPointer, into out: Tensor
    ) throws(ComputeError) {
        let window = call.window
        var kernel = kernel
        var seen = ck_window(
            stride: (window.time.stride, window.height.stride, window.width.stride),
            dilation: (window.time.dilation, window.height.dilation, window.width.dilation),
            above: window.height.before, left: window.width.before, height: call.height, width: call.width,
            doubled: false)
        let done = unsafe ck_convolution(
            target(out), out.dtype.ck, Array(call.frames[first...]), &kernel, packed, &seen,
            call.bias.map { unsafe floats($0, count: kernel.out_channels, "bias") }, call.accumulates, out.shape[0],
            out.shape[1], out.shape[2], workers)
        guard done else { throw ComputeError.outOfMemory(requested: 0, backend: name) }
    }
}

extension CPUBackend {
    package func doublingWeight(
        _ stored: StoredTensor, for dtype: DType
    ) throws(ComputeError) -> ConvolutionWeight? {
        guard convolvesOurselves(dtype), dtype == .f32, Array(stored.shape.dims[2...]) == [1, 3, 3] else { return nil }
        return ConvolutionWeight(
            storage: DoublingKernel(try packedKernel(dense(stored), for: dtype)), outChannels: stored.shape[0],
            inChannels: stored.shape[1], kernel: [1, 3, 3], dtype: dtype)
    }

    package func doublingConvolution(
        _ x: Tensor, _ weight: ConvolutionWeight, bias: Tensor?, into out: Tensor
    ) throws(ComputeError) {
        guard let kernel = (weight.storage as? DoublingKernel)?.packed else {
            preconditionFailure("weight of another backend")
        }
        let (frames, height, width) = (x.shape[0], x.shape[1], x.shape[2])
        precondition(
            out.shape == [frames, 2 * height, 2 * width, weight.outChannels], "\(x.shape) doubled to \(out.shape)")
        oneDNN.note("convolution of \(x.shape) doubled, to \(weight.outChannels) channels", "CKernels")
        var shape = kernel.kernel
        var seen = ck_window(
            stride: (1, 1, 1), dilation: (1, 1, 1), above: 1, left: 1, height: height, width: width, doubled: true)
        let done = unsafe ck_convolution(
            target(out), out.dtype.ck, (0..<frames).map { unsafe Optional(UnsafeRawPointer(address(x[$0]))) }, &shape,
            kernel.host.address, &seen, bias.map { unsafe floats($0, count: weight.outChannels, "bias") }, false,
            frames, 2 * height, 2 * width, workers)
        guard done else { throw ComputeError.outOfMemory(requested: 0, backend: name) }
    }
}

/// The kernel of a convolution of doubled frames.
final class DoublingKernel: Storage {
    let packed: PackedKernel

    init(_ packed: PackedKernel) {
        self.packed = packed
    }

    var byteCount: Int { packed.byteCount }
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
}

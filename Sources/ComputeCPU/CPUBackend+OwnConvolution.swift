import CKernels
import Compute

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
        let frames = history + (0..<x.shape[0]).map { x[$0] }
        let addresses = unsafe frames.map { unsafe $0.map { unsafe UnsafeRawPointer(address($0)) } }
        var kernel = packed.kernel
        var seen = ck_window(
            stride: (window.time.stride, window.height.stride, window.width.stride),
            dilation: (window.time.dilation, window.height.dilation, window.width.dilation),
            above: window.height.before, left: window.width.before, height: x.shape[1], width: x.shape[2])
        oneDNN.note(
            "convolution \(x.shape) to \(kernel.out_channels) channels, \(x.dtype) to \(out.dtype)", "CKernels")
        let done = unsafe ck_convolution(
            target(out), out.dtype.ck, addresses, &kernel, packed.host.address, &seen,
            bias.map { unsafe floats($0, count: kernel.out_channels, "bias") }, accumulate, out.shape[0], out.shape[1],
            out.shape[2], workers)
        guard done else { throw ComputeError.outOfMemory(requested: 0, backend: name) }
    }
}

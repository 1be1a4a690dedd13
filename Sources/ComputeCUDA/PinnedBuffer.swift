import CKernels
import Compute

/// Host memory that the GPU reads and writes by itself.
@safe
final class PinnedBuffer {
    let byteCount: Int
    let address: UnsafeMutableRawPointer
    /// The last copy from or to it.
    let lastCopy: CUDAEvent
    private let stream: CUDAStream

    /// - Parameter stream: does all the copies from and to it.
    init(for stream: CUDAStream, byteCount: Int) throws(ComputeError) {
        self.stream = stream
        self.byteCount = byteCount
        let context = stream.context
        lastCopy = try CUDAEvent(context)
        var memory: UnsafeMutableRawPointer?
        try unsafe context.check(
            context.call.cuMemAllocHost_v2(&memory, byteCount), "cuMemAllocHost", requested: byteCount)
        guard let memory = unsafe memory else { preconditionFailure("pinned memory without an address") }
        unsafe address = memory
    }

    /// Waits for copies that nobody has waited for.
    deinit {
        try? stream.synchronize()
        _ = unsafe stream.context.call.cuMemFreeHost(address)
    }
}

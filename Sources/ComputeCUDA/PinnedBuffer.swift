import CKernels
import Compute

/// Host memory that the GPU reads and writes by itself.
@safe
final class PinnedBuffer {
    let byteCount: Int
    let address: UnsafeMutableRawPointer
    /// The last copy from or to it.
    let lastCopy: CUDAEvent

    init(_ context: CUDAContext, byteCount: Int) throws(ComputeError) {
        self.byteCount = byteCount
        lastCopy = try CUDAEvent(context)
        var memory: UnsafeMutableRawPointer?
        try unsafe context.check(
            context.call.cuMemAllocHost_v2(&memory, byteCount), "cuMemAllocHost", requested: byteCount)
        guard let memory = unsafe memory else { preconditionFailure("pinned memory without an address") }
        unsafe address = memory
    }

    deinit { _ = unsafe lastCopy.context.call.cuMemFreeHost(address) }
}

import CKernels
import Compute

/// A queue of the GPU's work.
@safe
final class CUDAStream {
    let context: CUDAContext
    let handle: OpaquePointer

    /// A stream that waits for no other.
    init(_ context: CUDAContext) throws(ComputeError) {
        self.context = context
        var stream: OpaquePointer?
        try unsafe context.check(
            context.call.cuStreamCreate(&stream, UInt32(CK_STREAM_NON_BLOCKING)), "cuStreamCreate")
        guard let stream = unsafe stream else { preconditionFailure("a stream without an address") }
        unsafe handle = stream
    }

    deinit { _ = unsafe context.call.cuStreamDestroy_v2(handle) }

    /// Work queued from now on begins after the event.
    func wait(for event: CUDAEvent) throws(ComputeError) {
        try unsafe context.check(context.call.cuStreamWaitEvent(handle, event.handle, 0), "cuStreamWaitEvent")
    }

    /// Returns when everything queued is done.
    func synchronize() throws(ComputeError) {
        try unsafe context.check(context.call.cuStreamSynchronize(handle), "cuStreamSynchronize")
    }
}

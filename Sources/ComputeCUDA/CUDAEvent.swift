import CKernels
package import Compute

/// A place in a stream that can be waited for.
@safe
package final class CUDAEvent {
    let context: CUDAContext
    let handle: OpaquePointer

    /// - Parameter isTimed: whether the time between two of them can be asked.
    init(_ context: CUDAContext, isTimed: Bool = false) throws(ComputeError) {
        self.context = context
        var event: OpaquePointer?
        let flags = UInt32(isTimed ? 0 : CK_EVENT_DISABLE_TIMING)
        try unsafe context.check(context.call.cuEventCreate(&event, flags), "cuEventCreate")
        guard let event = unsafe event else { preconditionFailure("an event without an address") }
        unsafe handle = event
    }

    deinit { _ = unsafe context.call.cuEventDestroy_v2(handle) }

    /// Marks what is queued on `stream` so far.
    func record(on stream: CUDAStream) throws(ComputeError) {
        try unsafe context.check(context.call.cuEventRecord(handle, stream.handle), "cuEventRecord")
    }

    /// Returns when the marked work is done.
    package func synchronize() throws(ComputeError) {
        try unsafe context.check(context.call.cuEventSynchronize(handle), "cuEventSynchronize")
    }

    /// Seconds of the GPU's work between the two, both done.
    package func seconds(since start: CUDAEvent) throws(ComputeError) -> Double {
        var milliseconds: Float = 0
        try unsafe context.check(
            context.call.cuEventElapsedTime(&milliseconds, start.handle, handle), "cuEventElapsedTime")
        return Double(milliseconds) / 1000
    }
}

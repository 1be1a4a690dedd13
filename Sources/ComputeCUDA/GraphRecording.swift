import CKernels
import Compute

/// A CUDA graph of operations, launched as one.
@safe
final class GraphRecording: Recording {
    private let stream: CUDAStream
    private let executable: OpaquePointer
    /// The memory that the operations use between their inputs and outputs.
    private let reserve: MemoryPool.Reserve

    /// Takes down what `body` queues on `stream`, which does not run.
    ///
    /// - Parameter reserve: kept as long as the recording.
    init(
        on stream: CUDAStream, reserve: MemoryPool.Reserve, _ body: () throws(ComputeError) -> Void
    ) throws(ComputeError) {
        self.stream = stream
        self.reserve = reserve
        let context = stream.context
        try unsafe context.check(
            context.call.cuStreamBeginCapture_v2(stream.handle, Int32(CK_CAPTURE_THREAD_LOCAL)),
            "cuStreamBeginCapture")
        var graph: OpaquePointer?
        do throws(ComputeError) {
            try body()
        } catch {
            // Ends the capture, so that the stream is usable again.
            _ = unsafe context.call.cuStreamEndCapture(stream.handle, &graph)
            if unsafe graph != nil { _ = unsafe context.call.cuGraphDestroy(graph) }
            throw error
        }
        try unsafe context.check(context.call.cuStreamEndCapture(stream.handle, &graph), "cuStreamEndCapture")
        defer { _ = unsafe context.call.cuGraphDestroy(graph) }
        var executable: OpaquePointer?
        try unsafe context.check(
            context.call.cuGraphInstantiateWithFlags(&executable, graph, 0), "cuGraphInstantiate")
        guard let executable = unsafe executable else { preconditionFailure("a graph without an executable") }
        unsafe self.executable = executable
    }

    deinit { _ = unsafe stream.context.call.cuGraphExecDestroy(executable) }

    func replay() throws(ComputeError) {
        let context = stream.context
        try unsafe context.check(context.call.cuGraphLaunch(executable, stream.handle), "cuGraphLaunch")
    }
}

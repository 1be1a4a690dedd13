package import Compute

/// What a benchmark asks.
extension CUDABackend {
    /// Whether the kernels for sm_90a are there.
    package var hasWarpgroups: Bool { kernels.has("gemm_sm90") }

    /// Whether cuBLASLt is there.
    package var hasLibrary: Bool { library != nil }

    /// Every kernel and what it takes, and why modules were refused; waits until all are compiled.
    package func compiledKernels() -> (kernels: [CompileLog.Kernel], refused: [ComputeError]) { kernels.compiled() }

    /// Returns when everything queued is done.
    package func synchronize() throws(ComputeError) { try stream.synchronize() }

    /// Seconds from the begin to the end of what `body` queues, by the GPU's clock.
    package func seconds(_ body: () throws(ComputeError) -> Void) throws(ComputeError) -> Double {
        let start = try CUDAEvent(context, isTimed: true)
        let end = try CUDAEvent(context, isTimed: true)
        try start.record(on: stream)
        try body()
        try end.record(on: stream)
        try end.synchronize()
        return try end.seconds(since: start)
    }
}

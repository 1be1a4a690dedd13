import CKernels
import KernelEmulation
import Testing

/// The driver with Swift's types. Calls that make something record an issue where they fail; the others return the
/// CUresult.
extension FakeMachine {
    // ---- Contexts, streams, events

    /// Makes the context of a GPU current.
    func open(_ gpu: Int32 = 0) {
        #expect(cuda.cuInit(0) == 0)
        var context: CUcontext?
        #expect(unsafe cuda.cuDevicePrimaryCtxRetain(&context, gpu) == 0)
        #expect(unsafe cuda.cuCtxSetCurrent(context) == 0)
    }

    /// After open, a stream.
    func opened() -> Handle {
        open()
        return stream()
    }

    func stream(flags: Int = CK_STREAM_NON_BLOCKING) -> Handle {
        var stream: CUstream?
        #expect(unsafe cuda.cuStreamCreate(&stream, UInt32(flags)) == 0)
        return unsafe Handle(stream)
    }

    func event(timing: Bool = false) -> Handle {
        var event: CUevent?
        #expect(unsafe cuda.cuEventCreate(&event, timing ? 0 : UInt32(CK_EVENT_DISABLE_TIMING)) == 0)
        return unsafe Handle(event)
    }

    func record(_ event: Handle, _ stream: Handle) -> Int32 {
        unsafe cuda.cuEventRecord(event.pointer, stream.pointer)
    }
    func wait(_ stream: Handle, for event: Handle) -> Int32 {
        unsafe cuda.cuStreamWaitEvent(stream.pointer, event.pointer, 0)
    }
    func wait(_ stream: Handle) -> Int32 { unsafe cuda.cuStreamSynchronize(stream.pointer) }
    func wait(event: Handle) -> Int32 { unsafe cuda.cuEventSynchronize(event.pointer) }
    func destroy(stream: Handle) -> Int32 { unsafe cuda.cuStreamDestroy_v2(stream.pointer) }
    func destroy(event: Handle) -> Int32 { unsafe cuda.cuEventDestroy_v2(event.pointer) }

    /// Milliseconds, or the CUresult.
    func elapsed(_ start: Handle, _ end: Handle) -> (milliseconds: Float, result: Int32) {
        var milliseconds: Float = 0
        let result = unsafe cuda.cuEventElapsedTime(&milliseconds, start.pointer, end.pointer)
        return (milliseconds, result)
    }

    /// `later` does not go on before what `earlier` has now.
    func order(_ earlier: Handle, _ later: Handle) {
        let event = event()
        #expect(record(event, earlier) == 0)
        #expect(wait(later, for: event) == 0)
        #expect(destroy(event: event) == 0)
    }

    // ---- Memory

    func allocate(bytes: Int, _ stream: Handle) -> (address: ck_address, result: Int32) {
        var address: ck_address = 0
        let result = unsafe cuda.cuMemAllocAsync(&address, bytes, stream.pointer)
        return (address, result)
    }
    /// So many floats.
    func allocate(_ count: Int, _ stream: Handle) -> ck_address {
        let (address, result) = allocate(bytes: count * 4, stream)
        #expect(result == 0)
        return address
    }
    func free(_ address: ck_address, _ stream: Handle) -> Int32 {
        unsafe cuda.cuMemFreeAsync(address, stream.pointer)
    }
    func free(pinned: Pinned) -> Int32 { unsafe cuda.cuMemFreeHost(pinned.memory.baseAddress) }
    var memory: (free: Int, total: Int) {
        var (free, total) = (0, 0)
        #expect(unsafe cuda.cuMemGetInfo_v2(&free, &total) == 0)
        return (free, total)
    }

    /// Pinned memory of the host.
    @safe struct Pinned {
        fileprivate let memory: UnsafeMutableBufferPointer<Float>
        subscript(i: Int) -> Float {
            get { unsafe memory[i] }
            nonmutating set { unsafe memory[i] = newValue }
        }
    }
    func pinned(_ values: [Float]) throws -> Pinned {
        var memory: UnsafeMutableRawPointer?
        #expect(unsafe cuda.cuMemAllocHost_v2(&memory, values.count * 4) == 0)
        guard let start = unsafe memory?.bindMemory(to: Float.self, capacity: values.count) else { throw Missing() }
        let floats = unsafe UnsafeMutableBufferPointer(start: start, count: values.count)
        _ = unsafe floats.update(from: values)
        return unsafe Pinned(memory: floats)
    }

    func upload(_ pinned: Pinned, to address: ck_address, _ stream: Handle) -> Int32 {
        let bytes = unsafe pinned.memory.count * 4
        return unsafe cuda.cuMemcpyHtoDAsync_v2(address, pinned.memory.baseAddress, bytes, stream.pointer)
    }
    /// From pageable memory.
    func upload(_ values: [Float], to address: ck_address, _ stream: Handle) -> Int32 {
        unsafe cuda.cuMemcpyHtoDAsync_v2(address, values, values.count * 4, stream.pointer)
    }
    func download(_ pinned: Pinned, from address: ck_address, _ stream: Handle) -> Int32 {
        let bytes = unsafe pinned.memory.count * 4
        return unsafe cuda.cuMemcpyDtoHAsync_v2(pinned.memory.baseAddress, address, bytes, stream.pointer)
    }
    /// Waits for it.
    func download(_ count: Int, from address: ck_address, _ stream: Handle) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        unsafe values.withUnsafeMutableBytes { bytes in
            let (start, size) = (bytes.baseAddress, bytes.count)
            let result = unsafe cuda.cuMemcpyDtoHAsync_v2(start, address, size, stream.pointer)
            #expect(result == 0)
            #expect(wait(stream) == 0)
        }
        return values
    }
    func copy(_ from: ck_address, to: ck_address, bytes: Int, _ stream: Handle) -> Int32 {
        unsafe cuda.cuMemcpyDtoDAsync_v2(to, from, bytes, stream.pointer)
    }
    func zero(_ address: ck_address, bytes: Int, _ stream: Handle) -> Int32 {
        unsafe cuda.cuMemsetD8Async(address, 0, bytes, stream.pointer)
    }

    // ---- Graphs

    func beginCapture(_ stream: Handle) -> Int32 {
        unsafe cuda.cuStreamBeginCapture_v2(stream.pointer, Int32(CK_CAPTURE_THREAD_LOCAL))
    }
    func endCapture(_ stream: Handle) -> (graph: Handle, result: Int32) {
        var graph: CUgraph?
        let result = unsafe cuda.cuStreamEndCapture(stream.pointer, &graph)
        return unsafe (Handle(graph), result)
    }
    func instantiate(_ graph: Handle) -> Handle {
        var executable: CUgraphExec?
        #expect(unsafe cuda.cuGraphInstantiateWithFlags(&executable, graph.pointer, 0) == 0)
        return unsafe Handle(executable)
    }
    func launch(graph executable: Handle, _ stream: Handle) -> Int32 {
        unsafe cuda.cuGraphLaunch(executable.pointer, stream.pointer)
    }
    func destroy(graph: Handle) -> Int32 { unsafe cuda.cuGraphDestroy(graph.pointer) }
    func destroy(executable: Handle) -> Int32 { unsafe cuda.cuGraphExecDestroy(executable.pointer) }
}

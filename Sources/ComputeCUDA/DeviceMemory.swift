import CKernels
import Compute

/// The GPU's memory, allocated and freed in the order of the stream that computes.
@safe
final class DeviceMemory: MemorySource {
    private let compute: CUDAStream
    /// Serves while the other stream is taken down, which an allocation there would become part of.
    private let besideRecording: CUDAStream
    /// Blocks are multiples of this.
    private let granularity: Int
    var isRecording = false

    init(_ compute: CUDAStream, granularity: Int) throws(ComputeError) {
        self.compute = compute
        self.granularity = granularity
        besideRecording = try CUDAStream(compute.context)
    }

    private var stream: CUDAStream { isRecording ? besideRecording : compute }

    func capacity(for byteCount: Int) -> Int {
        (max(byteCount, 1) + granularity - 1) / granularity * granularity
    }

    func allocate(_ capacity: Int, requested: Int) throws(ComputeError) -> UInt {
        let context = compute.context
        var address: ck_address = 0
        try unsafe context.check(
            context.call.cuMemAllocAsync(&address, capacity, stream.handle), "cuMemAllocAsync", requested: requested)
        if isRecording { try besideRecording.synchronize() }
        return UInt(address)
    }

    /// A failure here means that the context is gone, and all memory with it.
    func release(_ address: UInt) {
        _ = unsafe compute.context.call.cuMemFreeAsync(ck_address(address), stream.handle)
    }
}

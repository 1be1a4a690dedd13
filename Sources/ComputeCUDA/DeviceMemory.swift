import CKernels
import Compute

/// The GPU's memory, allocated and freed in the order of the stream that computes; where the driver has no such pools,
/// as under some virtual machines, at once, which waits for the stream.
struct DeviceMemory: MemorySource {
    let stream: CUDAStream
    /// Blocks are multiples of this.
    let granularity: Int

    func capacity(for byteCount: Int) -> Int {
        (max(byteCount, 1) + granularity - 1) / granularity * granularity
    }

    func allocate(_ capacity: Int, requested: Int) throws(ComputeError) -> UInt {
        let context = stream.context
        var address: ck_address = 0
        if context.device.hasMemoryPools {
            try unsafe context.check(
                context.call.cuMemAllocAsync(&address, capacity, stream.handle), "cuMemAllocAsync",
                requested: requested)
        } else {
            try unsafe context.check(
                context.call.cuMemAlloc_v2(&address, capacity), "cuMemAlloc", requested: requested)
        }
        return UInt(address)
    }

    /// A failure here means that the context is gone, and all memory with it.
    func release(_ address: UInt, _ capacity: Int) {
        let context = stream.context
        if context.device.hasMemoryPools {
            _ = unsafe context.call.cuMemFreeAsync(ck_address(address), stream.handle)
        } else {
            _ = unsafe context.call.cuStreamSynchronize(stream.handle)
            _ = unsafe context.call.cuMemFree_v2(ck_address(address))
        }
    }

    /// The driver's pool gives memory back once the work that used it is done.
    func reclaim() {
        let context = stream.context
        var pool: CUmemoryPool?
        guard context.device.hasMemoryPools, unsafe context.call.cuStreamSynchronize(stream.handle) == 0,
            unsafe context.call.cuDeviceGetDefaultMemPool(&pool, context.device.handle) == 0
        else { return }
        _ = unsafe context.call.cuMemPoolTrimTo(pool, 0)
    }

    /// Memory that is asked for again waits for the device.
    func slack(atPeak peak: Int) -> Int { peak / 8 }
}

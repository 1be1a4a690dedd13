import CKernels
import Compute

/// Bytes on their way from the GPU into pinned memory.
@safe
final class PinnedBytes: PendingBytes {
    private let pool: PinnedPool
    private let buffer: PinnedBuffer
    private let count: Int

    init(_ address: ck_address, count: Int, from pool: PinnedPool) throws(ComputeError) {
        self.pool = pool
        self.count = count
        buffer = try pool.take(count)
        let stream = pool.stream
        let context = stream.context
        try unsafe context.check(
            context.call.cuMemcpyDtoHAsync_v2(buffer.address, address, count, stream.handle), "cuMemcpyDtoHAsync")
        try buffer.lastCopy.record(on: stream)
    }

    deinit { pool.give(buffer) }

    func bytes() throws(ComputeError) -> [UInt8] {
        try buffer.lastCopy.synchronize()
        return unsafe [UInt8](UnsafeRawBufferPointer(start: buffer.address, count: count))
    }
}

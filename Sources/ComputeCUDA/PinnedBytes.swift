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

/// Pinned buffers that are kept for the next frame.
final class PinnedPool {
    let stream: CUDAStream
    private var free: [PinnedBuffer] = []

    /// - Parameter stream: does all the copies to them.
    init(_ stream: CUDAStream) {
        self.stream = stream
    }

    func take(_ byteCount: Int) throws(ComputeError) -> PinnedBuffer {
        if let index = free.firstIndex(where: { $0.byteCount == byteCount }) { return free.remove(at: index) }
        return try PinnedBuffer(for: stream, byteCount: byteCount)
    }

    func give(_ buffer: PinnedBuffer) {
        free.append(buffer)
    }
}

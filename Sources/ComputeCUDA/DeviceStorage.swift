import Compute

/// A block of the GPU's memory, given back to its pool with the last tensor.
final class DeviceStorage: Storage {
    let byteCount: Int
    let address: UInt
    private let pool: MemoryPool

    init(_ byteCount: Int, from pool: MemoryPool) throws(ComputeError) {
        self.byteCount = byteCount
        self.pool = pool
        address = try pool.take(byteCount)
    }

    deinit { pool.give(address, byteCount) }
}

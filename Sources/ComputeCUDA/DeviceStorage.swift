import Compute

/// A block of the GPU's memory, given back to its pool with the last tensor.
final class DeviceStorage: Storage {
    let byteCount: Int
    private let pool: MemoryPool
    private var place: UInt?

    init(_ byteCount: Int, from pool: MemoryPool) throws(ComputeError) {
        self.byteCount = byteCount
        self.pool = pool
        place = try pool.take(byteCount)
    }

    /// One that takes its memory later.
    init(_ byteCount: Int, laterFrom pool: MemoryPool) {
        self.byteCount = byteCount
        self.pool = pool
    }

    deinit { if let place { pool.give(place, byteCount) } }

    var address: UInt {
        guard let place else { preconditionFailure("weights that have not come") }
        return place
    }

    func takeMemory() throws(ComputeError) {
        guard place == nil else { return }
        place = try pool.take(byteCount)
    }
}

/// Where a pool's memory comes from.
///
/// Addresses are numbers: the pool never looks behind them.
package protocol MemorySource {
    /// What a request for `byteCount` occupies, at least that many bytes.
    func capacity(for byteCount: Int) -> Int
    func allocate(_ capacity: Int, requested: Int) throws(ComputeError) -> UInt
    /// The same while blocks are given up, whatever becomes of it; a source may make the new one of them.
    func allocate(
        _ capacity: Int, requested: Int, insteadOf blocks: [(address: UInt, capacity: Int)]
    ) throws(ComputeError) -> UInt
    func release(_ address: UInt, _ capacity: Int)
    /// Makes what was released available to allocations of any size.
    func reclaim()
    /// How much kept and used memory together may exceed the most that was in use at one time, `peak`.
    func slack(atPeak peak: Int) -> Int
}

extension MemorySource {
    package func allocate(
        _ capacity: Int, requested: Int, insteadOf blocks: [(address: UInt, capacity: Int)]
    ) throws(ComputeError) -> UInt {
        for block in blocks { release(block.address, block.capacity) }
        return try allocate(capacity, requested: requested)
    }
}

/// Memory that is kept for the next tensor of the same capacity.
///
/// Kept and used memory together never exceed the most that was in use at one time by more than the source's slack,
/// so that a loop neither grows nor asks for memory again and again.
package final class MemoryPool {
    /// Bytes in use by tensors and reserves.
    package private(set) var currentBytes = 0
    /// The most that was in use at one time.
    package private(set) var peakBytes = 0
    /// Bytes kept for reuse.
    package private(set) var keptBytes = 0

    private let source: any MemorySource
    private var free: [Int: [Block]] = [:]
    private var clock = 0
    private var reserve: Reserve?
    private var isReserveComplete = false

    private struct Block {
        let address: UInt
        let returnedAt: Int
    }

    /// Memory set aside for recorded operations, which use it again at each replay; it returns with its last owner.
    package final class Reserve {
        private let pool: MemoryPool
        fileprivate var free: [Int: [UInt]] = [:]

        package init(of pool: MemoryPool) {
            self.pool = pool
        }

        deinit {
            for (capacity, addresses) in free {
                for address in addresses { pool.put(address, capacity) }
            }
        }
    }

    package init(_ source: any MemorySource) {
        self.source = source
    }

    deinit { releaseKept(downTo: 0) }

    /// Memory of `capacity(for: byteCount)` bytes; the caller gives it back with the same count.
    package func take(_ byteCount: Int) throws(ComputeError) -> UInt {
        let capacity = source.capacity(for: byteCount)
        if let address = reserve?.free[capacity]?.popLast() { return address }
        precondition(!isReserveComplete, "recorded operations want \(byteCount) bytes that their first run did not")
        let address: UInt
        if let block = free[capacity]?.popLast() {
            keptBytes -= capacity
            address = block.address
        } else {
            let most = max(peakBytes, currentBytes + capacity)
            let limit = max(0, most + source.slack(atPeak: most) - currentBytes - capacity)
            address = try allocate(capacity, requested: byteCount, insteadOf: takeKept(downTo: limit))
        }
        currentBytes += capacity
        peakBytes = max(peakBytes, currentBytes)
        return address
    }

    /// Takes back what `take(byteCount)` handed out.
    package func give(_ address: UInt, _ byteCount: Int) {
        let capacity = source.capacity(for: byteCount)
        guard let reserve else { return put(address, capacity) }
        reserve.free[capacity, default: []].append(address)
    }

    /// Runs `body` with `reserve` in front: memory comes from it first, and all memory given back stays in it.
    ///
    /// - Parameter isComplete: whether all that the body takes is in the reserve.
    package func using(
        _ reserve: Reserve, isComplete: Bool = false, _ body: () throws(ComputeError) -> Void
    ) throws(ComputeError) {
        self.reserve = reserve
        isReserveComplete = isComplete
        defer {
            self.reserve = nil
            isReserveComplete = false
        }
        try body()
    }

    /// Gives kept memory back to its source, the longest unused first, until at most `limit` bytes are kept.
    package func releaseKept(downTo limit: Int) {
        for block in takeKept(downTo: limit) { source.release(block.address, block.capacity) }
    }

    private func takeKept(downTo limit: Int) -> [(address: UInt, capacity: Int)] {
        var taken: [(address: UInt, capacity: Int)] = []
        while keptBytes > limit {
            let oldest = free.filter { !$0.value.isEmpty }.min {
                ($0.value.first?.returnedAt ?? 0) < ($1.value.first?.returnedAt ?? 0)
            }
            guard let capacity = oldest?.key, let block = free[capacity]?.removeFirst() else { break }
            keptBytes -= capacity
            taken.append((block.address, capacity))
        }
        return taken
    }

    private func put(_ address: UInt, _ capacity: Int) {
        currentBytes -= capacity
        keptBytes += capacity
        clock += 1
        free[capacity, default: []].append(Block(address: address, returnedAt: clock))
    }

    /// Memory kept in other sizes may be all that is missing.
    private func allocate(
        _ capacity: Int, requested: Int, insteadOf blocks: [(address: UInt, capacity: Int)]
    ) throws(ComputeError) -> UInt {
        do throws(ComputeError) {
            return try source.allocate(capacity, requested: requested, insteadOf: blocks)
        } catch .outOfMemory where keptBytes > 0 {
            releaseKept(downTo: 0)
            source.reclaim()
            return try source.allocate(capacity, requested: requested)
        }
    }
}

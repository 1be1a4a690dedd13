import Compute
import Glibc

/// Aligned host memory that is kept for the next tensor of similar size.
///
/// Kept and used memory together never exceed 9/8 of the most that was in use at one time, so that a loop neither
/// grows nor asks the system for pages again and again.
@safe
package final class MemoryPool {
    /// Bytes in use by tensors.
    package private(set) var currentBytes = 0
    /// The most that was in use at one time.
    package private(set) var peakBytes = 0
    /// Bytes kept for reuse.
    package private(set) var keptBytes = 0

    private var free: [Int: [Block]] = unsafe [:]
    private var clock = 0

    @unsafe
    private struct Block {
        let address: UnsafeMutableRawPointer
        let returnedAt: Int
    }

    private static let hugePage = 2 << 20

    init() {}

    deinit { releaseKept(downTo: 0) }

    /// What a request for `byteCount` occupies: multiples of 64 bytes, from 4 KiB on of an eighth of a power of two.
    static func capacity(for byteCount: Int) -> Int {
        let wanted = max(byteCount, 64)
        let power = Int.bitWidth - 1 - wanted.leadingZeroBitCount
        let step = wanted < 4096 ? 64 : 1 << (power - 3)
        return (wanted + step - 1) & ~(step - 1)
    }

    /// Memory of `capacity(for: byteCount)` bytes; the caller gives it back with the same count.
    func take(_ byteCount: Int) throws(ComputeError) -> UnsafeMutableRawPointer {
        let capacity = Self.capacity(for: byteCount)
        let address: UnsafeMutableRawPointer
        if let block = unsafe free[capacity]?.popLast() {
            keptBytes -= capacity
            unsafe address = block.address
        } else {
            let most = max(peakBytes, currentBytes + capacity)
            releaseKept(downTo: max(0, most + most / 8 - currentBytes - capacity))
            unsafe address = try allocate(capacity, requested: byteCount)
        }
        currentBytes += capacity
        peakBytes = max(peakBytes, currentBytes)
        return unsafe address
    }

    /// Takes back what `take(byteCount)` handed out.
    func give(_ address: UnsafeMutableRawPointer, _ byteCount: Int) {
        let capacity = Self.capacity(for: byteCount)
        currentBytes -= capacity
        keptBytes += capacity
        clock += 1
        unsafe free[capacity, default: []].append(Block(address: address, returnedAt: clock))
    }

    /// Gives kept memory back to the system, the longest unused first, until at most `limit` bytes are kept.
    package func releaseKept(downTo limit: Int) {
        while keptBytes > limit {
            let oldest = unsafe free.filter { unsafe !$0.value.isEmpty }.min {
                unsafe ($0.value.first?.returnedAt ?? 0) < ($1.value.first?.returnedAt ?? 0)
            }
            guard let capacity = unsafe oldest?.key, let block = unsafe free[capacity]?.removeFirst() else { return }
            keptBytes -= capacity
            unsafe Glibc.free(block.address)
        }
    }

    private func allocate(_ capacity: Int, requested: Int) throws(ComputeError) -> UnsafeMutableRawPointer {
        let isLarge = capacity >= 2 * Self.hugePage
        var address: UnsafeMutableRawPointer?
        let status = unsafe posix_memalign(&address, isLarge ? Self.hugePage : 64, capacity)
        guard status == 0, let address = unsafe address else {
            throw ComputeError.outOfMemory(requested: requested, backend: "cpu")
        }
        // Fewer page faults and TLB misses; a refusal costs nothing but speed.
        if isLarge { _ = unsafe madvise(address, capacity, MADV_HUGEPAGE) }
        return unsafe address
    }
}

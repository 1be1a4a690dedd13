import Compute
import Glibc

/// Aligned memory of the host.
struct HostMemory: MemorySource {
    private static let hugePage = 2 << 20

    /// Multiples of 64 bytes, from 4 KiB on of an eighth of a power of two.
    func capacity(for byteCount: Int) -> Int {
        let wanted = max(byteCount, 64)
        let power = Int.bitWidth - 1 - wanted.leadingZeroBitCount
        let step = wanted < 4096 ? 64 : 1 << (power - 3)
        return (wanted + step - 1) & ~(step - 1)
    }

    func allocate(_ capacity: Int, requested: Int) throws(ComputeError) -> UInt {
        let isLarge = capacity >= 2 * Self.hugePage
        var address: UnsafeMutableRawPointer?
        let status = unsafe posix_memalign(&address, isLarge ? Self.hugePage : 64, capacity)
        guard status == 0, let address = unsafe address else {
            throw ComputeError.outOfMemory(requested: requested, backend: "cpu")
        }
        // Fewer page faults and TLB misses; a refusal costs nothing but speed.
        if isLarge { _ = unsafe madvise(address, capacity, MADV_HUGEPAGE) }
        return UInt(bitPattern: address)
    }

    func release(_ address: UInt) {
        unsafe free(UnsafeMutableRawPointer(bitPattern: address))
    }

    func reclaim() {}
}

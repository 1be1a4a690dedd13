import Compute
import Glibc

/// Aligned memory of the host.
struct HostMemory: MemorySource {
    private static let hugePage = 2 << 20
    private static let largeBlock = 1 << 20

    /// Multiples of 64 bytes, from 4 KiB on of an eighth of a power of two, of large blocks of a thirty-second.
    func capacity(for byteCount: Int) -> Int {
        let wanted = max(byteCount, 64)
        let power = Int.bitWidth - 1 - wanted.leadingZeroBitCount
        let step = wanted < 4096 ? 64 : 1 << (power - (wanted < Self.largeBlock ? 3 : 5))
        return (wanted + step - 1) & ~(step - 1)
    }

    func allocate(_ capacity: Int, requested: Int) throws(ComputeError) -> UInt {
        if isLarge(capacity), let address = unsafe map(capacity) { return UInt(bitPattern: address) }
        var address: UnsafeMutableRawPointer?
        guard !isLarge(capacity), unsafe posix_memalign(&address, 64, capacity) == 0, let address = unsafe address
        else {
            throw ComputeError.outOfMemory(requested: requested, backend: "cpu")
        }
        return UInt(bitPattern: address)
    }

    func release(_ address: UInt, _ capacity: Int) {
        let address = unsafe UnsafeMutableRawPointer(bitPattern: address)
        if isLarge(capacity) { unsafe munmap(address, capacity) } else { unsafe free(address) }
    }

    private func isLarge(_ capacity: Int) -> Bool { capacity >= Self.largeBlock }

    /// Large blocks are the system's own and go back to it: the C library would keep what lies between others.
    private func map(_ capacity: Int) -> UnsafeMutableRawPointer? {
        let length = capacity + Self.hugePage
        guard
            let first = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe first != MAP_FAILED
        else { return nil }
        // Fewer page faults and TLB misses at such an address; a refusal costs nothing but speed.
        let skipped = -Int(bitPattern: first) & (Self.hugePage - 1)
        let aligned = unsafe first + skipped
        if skipped > 0 { unsafe munmap(first, skipped) }
        unsafe munmap(aligned + capacity, Self.hugePage - skipped)
        unsafe madvise(aligned, capacity, MADV_HUGEPAGE)
        return unsafe aligned
    }

    func reclaim() {}

    /// New pages cost little beside the work on them.
    func slack(atPeak peak: Int) -> Int { 0 }
}

import CKernels
import Compute
import Glibc

/// Aligned memory of the host.
struct HostMemory: MemorySource {
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

    /// Large blocks change hands page by page: clearing fresh pages took a decoder a twelfth of its time.
    func allocate(
        _ capacity: Int, requested: Int, insteadOf blocks: [(address: UInt, capacity: Int)]
    ) throws(ComputeError) -> UInt {
        guard isLarge(capacity), let target = unsafe map(capacity) else {
            for block in blocks { release(block.address, block.capacity) }
            return try allocate(capacity, requested: requested)
        }
        var moved = 0
        for block in blocks {
            guard moved >= 0, isLarge(block.capacity) else {
                release(block.address, block.capacity)
                continue
            }
            let pages = unsafe UnsafeMutableRawPointer(bitPattern: block.address)
            let given = unsafe ck_pages_move(target + moved, pages, min(block.capacity, capacity - moved))
            unsafe munmap(pages, block.capacity)
            moved = given < 0 ? given : moved + given
        }
        guard moved >= 0 else {
            unsafe munmap(target, capacity)
            throw ComputeError.outOfMemory(requested: requested, backend: "cpu")
        }
        return UInt(bitPattern: target)
    }

    func release(_ address: UInt, _ capacity: Int) {
        let address = unsafe UnsafeMutableRawPointer(bitPattern: address)
        if isLarge(capacity) { unsafe munmap(address, capacity) } else { unsafe free(address) }
    }

    private func isLarge(_ capacity: Int) -> Bool { capacity >= Self.largeBlock }

    /// Large blocks are the system's own and go back to it: the C library would keep what lies between others.
    private func map(_ capacity: Int) -> UnsafeMutableRawPointer? { unsafe ck_pages_map(capacity) }

    func reclaim() {}

    /// What is asked for again is made of what is kept.
    func slack(atPeak peak: Int) -> Int { 0 }
}

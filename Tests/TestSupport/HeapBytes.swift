package import Compute
import Synchronization

/// Bytes on the heap in the place of a mapped file.
@safe
package final class HeapBytes: DroppablePages, @unchecked Sendable {
    // Safe: the bytes are written once, before anybody else sees them.
    private let memory: UnsafeRawBufferPointer
    private let counter = Atomic(0)

    package init(_ bytes: [UInt8]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 64)
        unsafe memory.copyBytes(from: bytes)
        unsafe self.memory = UnsafeRawBufferPointer(memory)
    }

    deinit { unsafe memory.deallocate() }

    /// How often somebody was done with the pages.
    package var drops: Int { counter.load(ordering: .relaxed) }

    package func dropPages(_ address: UnsafeRawPointer, _ count: Int) {
        counter.add(1, ordering: .relaxed)
    }

    package func fetchPages(_ address: UnsafeRawPointer, _ count: Int) {}

    package var host: HostBytes {
        guard let base = unsafe memory.baseAddress else { preconditionFailure("no bytes") }
        return unsafe HostBytes(base: base, count: memory.count, owner: self)
    }
}

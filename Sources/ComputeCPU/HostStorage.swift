import Compute

/// Memory of the CPU backend: a block of its pool, or read-only bytes that somebody else keeps.
@safe
final class HostStorage: Storage {
    let byteCount: Int
    /// The first byte, 64-byte aligned when `isWritable`.
    let address: UnsafeMutableRawPointer
    let isWritable: Bool

    private let pool: MemoryPool?
    private let bytes: HostBytes?

    /// Fresh memory of `pool`, given back at the end.
    init(_ byteCount: Int, from pool: MemoryPool) throws(ComputeError) {
        let number = try pool.take(byteCount)
        guard let address = unsafe UnsafeMutableRawPointer(bitPattern: number) else {
            preconditionFailure("memory at address 0")
        }
        self.byteCount = byteCount
        unsafe self.address = address
        self.isWritable = true
        self.pool = pool
        self.bytes = nil
    }

    /// A view of bytes that are only read.
    init(viewing bytes: HostBytes) {
        self.byteCount = bytes.count
        unsafe self.address = UnsafeMutableRawPointer(mutating: bytes.address)
        self.isWritable = false
        self.pool = nil
        self.bytes = bytes
    }

    /// Frees memory that can be read again from its file.
    func dropPages() { bytes?.dropPages() }

    deinit {
        if let pool { unsafe pool.give(UInt(bitPattern: address), byteCount) }
    }
}

package import Compute

extension HostBytes {
    /// A copy of all bytes.
    package var copied: [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: address, count: count))
    }

    /// The bytes read as floats; a rest that fills none is left out.
    package var floats: [Float] { elements() }

    /// The bytes read as whole numbers; a rest that fills none is left out.
    package var integers: [Int64] { elements() }

    func elements<T: BitwiseCopyable>() -> [T] {
        let width = MemoryLayout<T>.size
        return (0..<count / width).map { unsafe address.loadUnaligned(fromByteOffset: $0 * width, as: T.self) }
    }

    /// Whether the first byte stands at a multiple of `width`.
    package func isAligned(to width: Int) -> Bool {
        unsafe Int(bitPattern: address) % width == 0
    }

    /// The same bytes in memory of their own, aligned for every element type.
    package func aligned() -> HostBytes {
        let owner = OwnedBytes(self)
        return unsafe HostBytes(base: owner.base, count: count, owner: owner)
    }

    /// Bytes that somebody has made rather than mapped.
    package init(_ bytes: [UInt8]) { self.init(copying: bytes) }

    /// Elements that somebody has made, as they lie in memory.
    init<T: BitwiseCopyable>(copying elements: [T]) {
        let owner = OwnedBytes(elements)
        unsafe self.init(base: owner.base, count: elements.count * MemoryLayout<T>.stride, owner: owner)
    }
}

@safe
private final class OwnedBytes: @unchecked Sendable {
    // Safe: written only before init returns, freed with the last reference.
    let base: UnsafeRawPointer

    init(_ bytes: HostBytes) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(bytes.count, 1), alignment: 64)
        unsafe memory.copyMemory(from: bytes.address, byteCount: bytes.count)
        unsafe base = UnsafeRawPointer(memory)
    }

    init<T: BitwiseCopyable>(_ elements: [T]) {
        let count = elements.count * MemoryLayout<T>.stride
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
        unsafe elements.withUnsafeBytes { source in
            if let first = source.baseAddress { unsafe memory.copyMemory(from: first, byteCount: count) }
        }
        unsafe base = UnsafeRawPointer(memory)
    }

    deinit {
        unsafe base.deallocate()
    }
}

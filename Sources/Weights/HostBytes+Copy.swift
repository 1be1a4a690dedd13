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
        unsafe HostBytes(count: count) { unsafe $0.copyMemory(from: address, byteCount: count) }
    }

    /// Bytes that somebody has made rather than mapped.
    package init(_ bytes: [UInt8]) { self.init(copying: bytes) }

    /// Elements that somebody has made, as they lie in memory.
    init<T: BitwiseCopyable>(copying elements: [T]) {
        unsafe self.init(count: elements.count * MemoryLayout<T>.stride) { memory in
            unsafe elements.withUnsafeBytes { source in
                if let first = source.baseAddress { unsafe memory.copyMemory(from: first, byteCount: source.count) }
            }
        }
    }
}

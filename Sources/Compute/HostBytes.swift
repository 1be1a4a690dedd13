/// Read-only bytes in host memory that stay valid as long as their owner lives: a mapped file, or data inside the
/// binary.
@safe
package struct HostBytes: @unchecked Sendable {
    // Safe: the bytes are immutable and `owner` keeps them mapped.
    private let base: UnsafeRawPointer
    package let count: Int
    private let owner: (any AnyObject & Sendable)?

    /// - Parameters:
    ///   - base: first byte; must stay readable and unchanged while `owner` lives, for ever if it is nil.
    ///   - count: number of bytes.
    ///   - owner: what keeps the bytes alive.
    package init(base: UnsafeRawPointer, count: Int, owner: (any AnyObject & Sendable)?) {
        unsafe self.base = base
        self.count = count
        self.owner = owner
    }

    /// The bytes in `range`, sharing the owner.
    package subscript(_ range: Range<Int>) -> HostBytes {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "byte range \(range) outside 0..<\(count)")
        return unsafe HostBytes(base: base + range.lowerBound, count: range.count, owner: owner)
    }

    /// The address of the first byte, valid while this value (or a copy) lives.
    package var address: UnsafeRawPointer { unsafe base }

    /// Frees the memory behind the bytes where they can be read again from their file.
    package func dropPages() {
        unsafe (owner as? any DroppablePages)?.dropPages(base, count)
    }

    /// Begins to read the bytes from their file, where they have one.
    package func fetchPages() {
        unsafe (owner as? any DroppablePages)?.fetchPages(base, count)
    }

    /// Runs `body` on the bytes.
    package func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
        let span = unsafe RawSpan(_unsafeStart: base, byteCount: count)
        return try body(span)
    }
}

extension HostBytes {
    /// Bytes in memory of their own, aligned for every element type.
    ///
    /// - Parameter fill: writes all of them before it returns.
    package init<E: Error>(count: Int, fill: (_ memory: UnsafeMutableRawPointer) throws(E) -> Void) throws(E) {
        let owner = OwnedBytes(count)
        try unsafe fill(owner.base)
        unsafe self.init(base: UnsafeRawPointer(owner.base), count: count, owner: owner)
    }
}

@safe
private final class OwnedBytes: @unchecked Sendable {
    // Safe: written only before anybody else sees it, freed with the last reference.
    let base: UnsafeMutableRawPointer

    init(_ count: Int) {
        unsafe base = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 64)
    }

    deinit { unsafe base.deallocate() }
}

/// Memory whose pages come back unchanged when they are read again.
package protocol DroppablePages: AnyObject, Sendable {
    /// Frees the pages that lie wholly within `count` bytes from `address`.
    func dropPages(_ address: UnsafeRawPointer, _ count: Int)
    /// Begins to read the pages that hold `count` bytes from `address`.
    func fetchPages(_ address: UnsafeRawPointer, _ count: Int)
}

import Compute

/// Reads a GGUF file from its beginning on; every count is checked against what is left before anything is done.
struct GGUFCursor {
    private let bytes: HostBytes
    private(set) var offset = 0

    init(_ bytes: HostBytes) {
        self.bytes = bytes
    }

    var left: Int { bytes.count - offset }

    /// A whole number of the file's byte order, the lowest byte first.
    mutating func number<T: FixedWidthInteger & BitwiseCopyable>(
        _ what: @autoclosure () -> String
    ) throws(GGUFProblem) -> T {
        let place = try take(MemoryLayout<T>.size, what())
        // Safe: `take` has checked that the bytes are there.
        return unsafe T(littleEndian: bytes.address.loadUnaligned(fromByteOffset: place.lowerBound, as: T.self))
    }

    /// How many of something there are, each of which takes at least `least` bytes.
    mutating func count(
        _ what: @autoclosure () -> String, of least: Int, limit: Int
    ) throws(GGUFProblem) -> Int {
        let count: UInt64 = try number(what())
        guard count <= UInt64(limit) else { throw .tooMany(what(), count, limit: limit) }
        guard Int(count) <= left / least else { throw .tooLong(what(), count, left: left) }
        return Int(count)
    }

    /// A text behind its length.
    mutating func text(_ what: @autoclosure () -> String, limit: Int) throws(GGUFProblem) -> String {
        let place = try textBytes(what(), limit: limit)
        let text = bytes[place].withBytes { span in
            unsafe span.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
        }
        guard let text else { throw .notText(what(), offset: place.lowerBound) }
        return text
    }

    /// Where the bytes of a text behind its length are.
    mutating func textBytes(_ what: @autoclosure () -> String, limit: Int) throws(GGUFProblem) -> Range<Int> {
        let count = try count(what(), of: 1, limit: limit)
        return try take(count, what())
    }

    mutating func take(_ count: Int, _ what: @autoclosure () -> String) throws(GGUFProblem) -> Range<Int> {
        guard count <= left else { throw .ends(what(), offset: offset) }
        defer { offset += count }
        return offset..<offset + count
    }
}

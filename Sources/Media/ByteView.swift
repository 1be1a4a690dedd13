/// Bytes that answer nil beyond their end.
struct ByteView {
    private let bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
    }

    var count: Int { bytes.count }

    subscript(offset: Int) -> UInt8? {
        offset >= 0 && offset < bytes.count ? bytes[bytes.startIndex + offset] : nil
    }

    /// `count` bytes; nil where they are not all there.
    func slice(_ offset: Int, _ count: Int) -> ArraySlice<UInt8>? {
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else { return nil }
        return bytes[bytes.startIndex + offset..<bytes.startIndex + offset + count]
    }

    func starts(with prefix: [UInt8]) -> Bool { bytes.starts(with: prefix) }

    func contains(_ text: String, at offset: Int) -> Bool {
        offset >= 0 && offset <= bytes.count && bytes.dropFirst(offset).starts(with: text.utf8)
    }

    /// Where `byte` comes next.
    func next(_ byte: UInt8, from offset: Int) -> Int? {
        guard offset >= 0, offset < bytes.count else { return nil }
        return bytes[(bytes.startIndex + offset)...].firstIndex(of: byte).map { $0 - bytes.startIndex }
    }

    /// `count` bytes, at most four, the most significant first.
    func bigEndian(_ offset: Int, _ count: Int) -> Int? { number(offset..<offset + count) }

    func littleEndian(_ offset: Int, _ count: Int) -> Int? { number((offset..<offset + count).reversed()) }

    private func number(_ offsets: some Sequence<Int>) -> Int? {
        var value = 0
        for offset in offsets {
            guard let byte = self[offset] else { return nil }
            value = value << 8 | Int(byte)
        }
        return value
    }
}

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

    func starts(with prefix: [UInt8]) -> Bool { bytes.starts(with: prefix) }

    func contains(_ text: String, at offset: Int) -> Bool {
        offset >= 0 && offset <= bytes.count && bytes.dropFirst(offset).starts(with: text.utf8)
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

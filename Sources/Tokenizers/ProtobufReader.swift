/// Reads the fields of a protobuf message.
struct ProtobufReader {
    enum Value {
        case varint(UInt64)
        case fixed32(UInt32)
        case fixed64
        case bytes(Range<Int>)
    }

    let bytes: [UInt8]
    private var position: Int
    private let end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    func error(_ reason: String) -> TokenizerError { .badProtobuf(offset: position, reason: reason) }

    /// The next field's number and value; nil at the end.
    mutating func next() throws(TokenizerError) -> (field: UInt64, value: Value)? {
        guard position < end else { return nil }
        let key = try varint()
        guard key >> 3 > 0 else { throw error("field number 0") }
        switch key & 7 {
        case 0: return (key >> 3, .varint(try varint()))
        case 1:
            _ = try take(8)
            return (key >> 3, .fixed64)
        case 2:
            let count = try varint()
            guard let count = Int(exactly: count) else { throw error("a field of \(count) bytes") }
            return (key >> 3, .bytes(try take(count)))
        case 5:
            let range = try take(4)
            return (key >> 3, .fixed32(bytes[range].reversed().reduce(0) { $0 << 8 | UInt32($1) }))
        default: throw error("wire type \(key & 7)")
        }
    }

    private mutating func take(_ count: Int) throws(TokenizerError) -> Range<Int> {
        guard count <= end - position else {
            throw error("a field of \(count) bytes where \(end - position) are left")
        }
        position += count
        return position - count..<position
    }

    private mutating func varint() throws(TokenizerError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < end else { throw error("the message ends inside a number") }
            let byte = bytes[position]
            position += 1
            guard shift < 63 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw error("a number of more than 64 bits")
    }
}

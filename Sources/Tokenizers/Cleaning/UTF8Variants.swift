/// Decodes UTF-8 strictly, except that surrogate pairs in three bytes each (CESU-8) and Java's two-byte NUL pass.
///
/// A quirk of the reference is kept: a line feed that ends the text may stand for the last byte of either.
func decodedUTF8(_ bytes: [UInt8]) -> [Unicode.Scalar]? {
    var result: [Unicode.Scalar] = []
    result.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
        let byte = bytes[index]
        if byte < 0x80 {
            result.append(Unicode.Scalar(byte))
            index += 1
        } else if byte == 0xC0 {
            guard continues(bytes, index + 1, 0x80...0x80) else { return nil }
            result.append("\0")
            index += 2
        } else if byte == 0xED, let scalar = surrogatePair(bytes, index) {
            result.append(scalar)
            index += 6
        } else {
            guard let (scalar, width) = strictScalar(bytes, index) else { return nil }
            result.append(scalar)
            index += width
        }
    }
    return result
}

private func continues(_ bytes: [UInt8], _ index: Int, _ range: ClosedRange<UInt8>) -> Bool {
    guard index < bytes.count else { return false }
    return range.contains(bytes[index]) || index == bytes.count - 1 && bytes[index] == 0x0A
}

private func surrogatePair(_ bytes: [UInt8], _ index: Int) -> Unicode.Scalar? {
    guard index + 6 <= bytes.count, 0xA0...0xAF ~= bytes[index + 1], 0x80...0xBF ~= bytes[index + 2],
        bytes[index + 3] == 0xED, 0xB0...0xBF ~= bytes[index + 4], continues(bytes, index + 5, 0x80...0xBF)
    else { return nil }
    let high = UInt32(bytes[index + 1] & 0x0F) << 16 + UInt32(bytes[index + 2] & 0x3F) << 10
    let low = UInt32(bytes[index + 4] & 0x0F) << 6 + UInt32(bytes[index + 5] & 0x3F)
    return Unicode.Scalar(0x10000 + high + low)
}

private func strictScalar(_ bytes: [UInt8], _ index: Int) -> (Unicode.Scalar, Int)? {
    let width: Int
    let least: UInt32
    switch bytes[index] {
    case 0xC2...0xDF: (width, least) = (2, 0x80)
    case 0xE0...0xEF: (width, least) = (3, 0x800)
    case 0xF0...0xF4: (width, least) = (4, 0x10000)
    default: return nil
    }
    guard index + width <= bytes.count else { return nil }
    var value = UInt32(bytes[index]) & (0x7F >> UInt32(width))
    for byte in bytes[index + 1..<index + width] {
        guard byte & 0xC0 == 0x80 else { return nil }
        value = value << 6 | UInt32(byte & 0x3F)
    }
    guard value >= least, let scalar = Unicode.Scalar(value) else { return nil }
    return (scalar, width)
}

extension Array where Element == UInt8 {
    init(copying span: RawSpan) {
        // Safe: every bit pattern is a UInt8, and the buffer is only read while the span is borrowed.
        self = unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
    }

    /// The scalar that starts at `index` of valid UTF-8, and the number of its bytes.
    func scalar(at index: Int) -> (value: Unicode.Scalar, width: Int) {
        let first = self[index]
        if first < 0x80 { return (Unicode.Scalar(first), 1) }
        let width = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        var value = UInt32(first) & (0x7F >> UInt32(width))
        for next in index + 1..<Swift.min(index + width, count) {
            value = value << 6 | UInt32(self[next] & 0x3F)
        }
        return (Unicode.Scalar(value) ?? "\u{FFFD}", Swift.min(width, count - index))
    }

    /// Whether a scalar starts at `index`, or the text ends there.
    func isBoundary(_ index: Int) -> Bool {
        index == count || self[index] & 0xC0 != 0x80
    }

    /// Appends the UTF-8 form of a scalar.
    mutating func append(scalar: Unicode.Scalar) {
        append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
}

extension Unicode.Scalar {
    var utf8Bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(scalar: self)
        return bytes
    }

    /// A letter, mark, decimal digit, connector or joiner: `\w` of the regular expressions in the tokenizers library.
    var isWordCharacter: Bool {
        if isASCII { return properties.isAlphabetic || properties.generalCategory == .decimalNumber || self == "_" }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return properties.isAlphabetic || properties.isJoinControl
        }
    }

    /// A mark of any kind in Unicode 9, whose tables the tokenizers library uses for StripAccents.
    var isCombiningMark: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: properties.age.map { $0.major <= 9 } ?? false
        default: false
        }
    }
}

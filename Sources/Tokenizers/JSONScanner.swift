/// Reads JSON from bytes, front to back, checking everything it passes.
struct JSONScanner {
    static let depthLimit = 64
    static let byteLimit = 1 << 28

    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ span: RawSpan) throws(TokenizerError) {
        guard span.byteCount <= Self.byteLimit else {
            throw .badJSON(offset: 0, reason: "\(span.byteCount) bytes are more than the limit of \(Self.byteLimit)")
        }
        bytes = [UInt8](copying: span)
        do {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw .badJSON(offset: error.byteOffsets.lowerBound, reason: "not valid UTF-8")
        }
    }

    func error(_ reason: String) -> TokenizerError { .badJSON(offset: position, reason: reason) }

    var byteHere: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func advance() { position += 1 }

    /// The next byte that is not white space; 0 at the end.
    mutating func peek() -> UInt8 {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            position += 1
        }
        return 0
    }

    /// Passes `byte` if it comes next.
    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte, position < bytes.count else { return false }
        position += 1
        return true
    }

    mutating func expect(_ byte: UInt8) throws(TokenizerError) {
        guard take(byte) else { throw error("expected `\(Character(Unicode.Scalar(byte)))`") }
    }

    mutating func expectEnd() throws(TokenizerError) {
        _ = peek()
        guard position == bytes.count else { throw error("there is more after the end of the value") }
    }

    /// Passes an object, handing each key to `member`, which must pass the value.
    mutating func object(
        _ member: (inout JSONScanner, [UInt8]) throws(TokenizerError) -> Void
    ) throws(TokenizerError) {
        try expect(UInt8(ascii: "{"))
        if take(UInt8(ascii: "}")) { return }
        var seen: Set<[UInt8]> = []
        repeat {
            var key: [UInt8] = []
            try string(into: &key)
            guard seen.insert(key).inserted else {
                throw error("the key `\(String(decoding: key, as: UTF8.self))` occurs twice")
            }
            try expect(UInt8(ascii: ":"))
            try member(&self, key)
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    /// Passes an array, calling `element` at each element, which it must pass.
    mutating func array(
        _ element: (inout JSONScanner) throws(TokenizerError) -> Void
    ) throws(TokenizerError) {
        try expect(UInt8(ascii: "["))
        if take(UInt8(ascii: "]")) { return }
        repeat { try element(&self) } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
    }

    /// Passes any value.
    mutating func value(depth: Int = 0) throws(TokenizerError) -> JSONValue {
        guard depth < Self.depthLimit else { throw error("nested deeper than \(Self.depthLimit)") }
        switch peek() {
        case UInt8(ascii: "{"):
            var fields: [[UInt8]: JSONValue] = [:]
            try object { (scanner, key) throws(TokenizerError) in fields[key] = try scanner.value(depth: depth + 1) }
            return .object(fields)
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            try array { (scanner) throws(TokenizerError) in elements.append(try scanner.value(depth: depth + 1)) }
            return .array(elements)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(TokenizerError) -> JSONValue {
        for byte in word.description.utf8 {
            guard position < bytes.count, bytes[position] == byte else { throw error("expected `\(word)`") }
            position += 1
        }
        return value
    }

    mutating func string() throws(TokenizerError) -> String {
        var text: [UInt8] = []
        try string(into: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Passes a string, appending its UTF-8 form to `text`.
    mutating func string(into text: inout [UInt8]) throws(TokenizerError) {
        guard take(UInt8(ascii: "\"")) else { throw error("expected a string") }
        let start = position
        var end = start
        while end < bytes.count {
            let byte = bytes[end]
            if byte == UInt8(ascii: "\"") {
                text.append(contentsOf: bytes[start..<end])
                position = end + 1
                return
            }
            guard byte >= 0x20, byte != UInt8(ascii: "\\") else { break }
            end += 1
        }
        text.append(contentsOf: bytes[start..<end])
        position = end
        try escapedString(into: &text)
    }

    private mutating func escapedString(into text: inout [UInt8]) throws(TokenizerError) {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte >= 0x20 else { throw error("control character in a string") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return
            case UInt8(ascii: "\\"): text.append(scalar: try escape())
            default: text.append(byte)
            }
        }
        throw error("the text ends inside a string")
    }

    private mutating func escape() throws(TokenizerError) -> Unicode.Scalar {
        guard position < bytes.count else { throw error("the text ends inside a string") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try hexadecimal()
            if let scalar = Unicode.Scalar(first) { return scalar }
            guard first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            else { throw error("half of a surrogate pair") }
            position += 2
            let second = try hexadecimal()
            guard 0xDC00...0xDFFF ~= second, let scalar = Unicode.Scalar((first - 0xD7C0) << 10 + second - 0xDC00)
            else { throw error("half of a surrogate pair") }
            return scalar
        default: throw error("unknown escape")
        }
    }

    private mutating func hexadecimal() throws(TokenizerError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw error("expected four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}

/// Reads JSON (RFC 8259) from front to back, strictly: no duplicate keys, no deep nesting, no text behind the end.
///
/// White space in front of what is asked for is passed over.
package struct JSONScanner {
    package static let depthLimit = 64

    /// An object or array that has been opened and not yet closed.
    private struct Container {
        let closing: Unicode.Scalar
        var isEmpty = true
        /// Keys met so far, as bytes: Swift's strings are equal if they are only canonically equivalent.
        var keys: Set<[UInt8]> = []
    }

    private let bytes: [UInt8]
    /// Bytes read so far.
    package private(set) var position = 0
    private var open: [Container] = []

    /// Checks that the text is UTF-8.
    package init(_ text: [UInt8]) throws(JSONError) {
        bytes = text
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: text.span)
        } catch {
            throw JSONError(offset: error.byteOffsets.lowerBound, problem: .notUTF8)
        }
    }

    /// An error at the place reached.
    package func error(_ problem: JSONProblem) -> JSONError { JSONError(offset: position, problem: problem) }

    /// The first byte of what comes next.
    package mutating func peek() throws(JSONError) -> UInt8 {
        skipSpace()
        return try byteHere()
    }

    /// Passes one character.
    package mutating func expect(_ scalar: Unicode.Scalar) throws(JSONError) {
        guard try peek() == UInt8(ascii: scalar) else { throw error(.expected("'\(scalar)'")) }
        position += 1
    }

    /// Nothing but white space is left.
    package mutating func end() throws(JSONError) {
        skipSpace()
        if position < bytes.count { throw error(.trailing) }
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            let byte = bytes[position]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position += 1
        }
    }

    private func byteHere() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw error(.unexpectedEnd) }
        return bytes[position]
    }
}

// Objects and arrays.
extension JSONScanner {
    /// Steps into an object; `nextKey` reads on.
    package mutating func openObject() throws(JSONError) { try open("{", closing: "}") }

    /// Steps into an array; `nextElement` reads on.
    package mutating func openArray() throws(JSONError) { try open("[", closing: "]") }

    /// The key of the next member of the innermost open object, nil behind the last one; its value is next.
    package mutating func nextKey() throws(JSONError) -> String? {
        guard try nextElement() else { return nil }
        guard try peek() == UInt8(ascii: "\"") else { throw error(.expected("a key")) }
        var key: [UInt8] = []
        try string(into: &key)
        guard open[open.count - 1].keys.insert(key).inserted else {
            throw error(.duplicateKey(String(decoding: key, as: UTF8.self)))
        }
        try expect(":")
        return String(decoding: key, as: UTF8.self)
    }

    /// Steps to the next element of the innermost open array; false behind the last one.
    package mutating func nextElement() throws(JSONError) -> Bool {
        precondition(!open.isEmpty, "nothing is open")
        let container = open[open.count - 1]
        let byte = try peek()
        if byte == UInt8(ascii: container.closing) {
            position += 1
            open.removeLast()
            return false
        }
        if container.isEmpty {
            open[open.count - 1].isEmpty = false
            return true
        }
        guard byte == UInt8(ascii: ",") else { throw error(.expected("',' or '\(container.closing)'")) }
        position += 1
        return true
    }

    private mutating func open(_ opening: Unicode.Scalar, closing: Unicode.Scalar) throws(JSONError) {
        guard open.count < Self.depthLimit else { throw error(.nestedTooDeeply) }
        try expect(opening)
        open.append(Container(closing: closing))
    }
}

// Values.
extension JSONScanner {
    /// Any value.
    package mutating func value() throws(JSONError) -> JSONValue {
        switch try peek() {
        case UInt8(ascii: "{"):
            try openObject()
            var members: [[UInt8]: JSONValue] = [:]
            while let key = try nextKey() { members[Array(key.utf8)] = try value() }
            return .object(members)
        case UInt8(ascii: "["):
            try openArray()
            var elements: [JSONValue] = []
            while try nextElement() { elements.append(try value()) }
            return .array(elements)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return .number(String(decoding: try number(), as: UTF8.self))
        }
    }

    /// Passes any value.
    package mutating func skipValue() throws(JSONError) { _ = try value() }

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        for byte in word.description.utf8 {
            guard try byteHere() == byte else { throw error(.expected("'\(word)'")) }
            position += 1
        }
        return value
    }

    /// The characters of a number of any size, in the form that the grammar wants.
    package mutating func number() throws(JSONError) -> ArraySlice<UInt8> {
        var byte = try peek()
        let start = position
        if byte == UInt8(ascii: "-") {
            position += 1
            byte = position < bytes.count ? bytes[position] : 0
        }
        if byte == UInt8(ascii: "0") { position += 1 } else { try digits("a value") }
        if skip(UInt8(ascii: ".")) { try digits("a digit after the point") }
        if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
            _ = skip(UInt8(ascii: "+")) || skip(UInt8(ascii: "-"))
            try digits("a digit in the exponent")
        }
        return bytes[start..<position]
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// Passes one digit or more.
    private mutating func digits(_ name: StaticString) throws(JSONError) {
        let start = position
        while position < bytes.count, UInt8(ascii: "0")...UInt8(ascii: "9") ~= bytes[position] { position += 1 }
        guard position > start else { throw error(.expected(name.description)) }
    }
}

// Strings.
extension JSONScanner {
    package mutating func string() throws(JSONError) -> String {
        var text: [UInt8] = []
        try string(into: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the UTF-8 form of a string.
    package mutating func string(into text: inout [UInt8]) throws(JSONError) {
        guard try peek() == UInt8(ascii: "\"") else { throw error(.expected("a string")) }
        position += 1
        while true {
            let start = position
            while position < bytes.count, bytes[position] >= 0x20, bytes[position] != UInt8(ascii: "\""),
                bytes[position] != UInt8(ascii: "\\")
            {
                position += 1
            }
            text.append(contentsOf: bytes[start..<position])
            switch try byteHere() {
            case UInt8(ascii: "\""):
                position += 1
                return
            case UInt8(ascii: "\\"):
                text.append(contentsOf: UTF8.encode(try escape()) ?? UTF8.encodedReplacementCharacter)
            default: throw error(.controlCharacter)
            }
        }
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        position += 1
        let byte = try byteHere()
        let scalar: Unicode.Scalar
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): scalar = Unicode.Scalar(byte)
        case UInt8(ascii: "b"): scalar = "\u{8}"
        case UInt8(ascii: "f"): scalar = "\u{C}"
        case UInt8(ascii: "n"): scalar = "\n"
        case UInt8(ascii: "r"): scalar = "\r"
        case UInt8(ascii: "t"): scalar = "\t"
        case UInt8(ascii: "u"): return try utf16Escape()
        default: throw error(.unknownEscape)
        }
        position += 1
        return scalar
    }

    /// `\u` with four digits, for scalars beyond 16 bits a pair of them.
    private mutating func utf16Escape() throws(JSONError) -> Unicode.Scalar {
        position += 1
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, skip(UInt8(ascii: "\\")), skip(UInt8(ascii: "u")) else { throw error(.halfSurrogatePair) }
        let second = try hexadecimal()
        guard 0xDC00...0xDFFF ~= second, let scalar = Unicode.Scalar((first - 0xD7C0) << 10 + second - 0xDC00) else {
            throw error(.halfSurrogatePair)
        }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(try byteHere())).hexDigitValue else {
                throw error(.expected("four hexadecimal digits"))
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}

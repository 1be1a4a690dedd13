/// Reads JSON (RFC 8259) from front to back, strictly: no duplicate keys, no deep nesting, no text behind the end.
struct JSONScanner {
    struct Failure: Error {
        let offset: Int
        let problem: JSONProblem
    }

    private static let depthLimit = 64

    private let bytes: [UInt8]
    private var at = 0
    private var depth = 0
    /// Keys met so far in each open object.
    private var keys: [Set<String>] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func failure(_ problem: JSONProblem) -> Failure { Failure(offset: at, problem: problem) }

    /// Nothing but white space is left.
    mutating func end() throws(Failure) {
        skipSpace()
        if at < bytes.count { throw failure(.trailing) }
    }

    /// Steps into an object; `nextKey` reads on.
    mutating func openObject() throws(Failure) {
        try open("{")
        keys.append([])
    }

    /// The key of the next member of the innermost open object, nil behind the last one; its value is next.
    mutating func nextKey() throws(Failure) -> String? {
        var seen = keys.removeLast()
        guard try next(isFirst: seen.isEmpty, closing: "}") else { return nil }
        let key = try string()
        guard seen.insert(key).inserted else { throw failure(.duplicateKey(key)) }
        keys.append(seen)
        try expect(":")
        return key
    }

    /// An array of whole numbers from 0 to `Int.max`, at most `limit` of them.
    mutating func counts(limit: Int) throws(Failure) -> [Int] {
        try open("[")
        var values: [Int] = []
        while try next(isFirst: values.isEmpty, closing: "]") {
            guard values.count < limit else { throw failure(.badNumber) }
            values.append(try count())
        }
        return values
    }

    /// A whole number from 0 to `Int.max`, written in digits only.
    private mutating func count() throws(Failure) -> Int {
        skipSpace()
        let start = at
        var value = 0
        while at < bytes.count, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") {
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(Int(bytes[at] - UInt8(ascii: "0")))
            guard !overflow, !carry else { throw failure(.badNumber) }
            value = sum
            at += 1
        }
        let hasLeadingZero = at > start + 1 && bytes[start] == UInt8(ascii: "0")
        guard at > start, !hasLeadingZero else { throw failure(.badNumber) }
        if at < bytes.count, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[at]) {
            throw failure(.badNumber)
        }
        return value
    }

    /// Any value.
    mutating func value() throws(Failure) -> JSONValue {
        skipSpace()
        switch try peek() {
        case UInt8(ascii: "{"):
            try openObject()
            var members: [String: JSONValue] = [:]
            while let key = try nextKey() { members[key] = try value() }
            return .object(members)
        case UInt8(ascii: "["):
            try open("[")
            var elements: [JSONValue] = []
            while try next(isFirst: elements.isEmpty, closing: "]") { elements.append(try value()) }
            return .array(elements)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"):
            try literal("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try literal("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try literal("null")
            return .null
        default: return .number(try number())
        }
    }

    /// Any value, checked and thrown away.
    mutating func skipValue() throws(Failure) { _ = try value() }

    /// A string, white space in front of it allowed.
    mutating func string() throws(Failure) -> String {
        try expect("\"")
        var text: [UInt8] = []
        while true {
            let byte = try peek()
            at += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw failure(.badString) }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw failure(.badString)
            default: text.append(byte)
            }
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        let byte = try peek()
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if code & 0xFC00 == 0xD800 {
                guard bytes[at...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) else {
                    throw failure(.badString)
                }
                at += 2
                let low = try hexadecimal()
                guard low & 0xFC00 == 0xDC00 else { throw failure(.badString) }
                code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure(.badString) }
            text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default: throw failure(.badString)
        }
    }

    private mutating func hexadecimal() throws(Failure) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(try peek())).hexDigitValue else { throw failure(.badString) }
            value = value << 4 | UInt32(digit)
            at += 1
        }
        return value
    }

    private mutating func number() throws(Failure) -> String {
        let start = at
        if try peek() == UInt8(ascii: "-") { at += 1 }
        let first = try peek()
        let whole = skipDigits()
        guard whole > 0, whole == 1 || first != UInt8(ascii: "0") else { throw failure(.unexpected(byte: first)) }
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at += 1
            guard skipDigits() > 0 else { throw failure(.badNumber) }
        }
        if at < bytes.count, bytes[at] == UInt8(ascii: "e") || bytes[at] == UInt8(ascii: "E") {
            at += 1
            if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at += 1 }
            guard skipDigits() > 0 else { throw failure(.badNumber) }
        }
        return String(decoding: bytes[start..<at], as: UTF8.self)
    }

    private mutating func skipDigits() -> Int {
        let start = at
        while at < bytes.count, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") { at += 1 }
        return at - start
    }

    private mutating func literal(_ word: StaticString) throws(Failure) {
        for byte in word.description.utf8 {
            let found = try peek()
            guard found == byte else { throw failure(.unexpected(byte: found)) }
            at += 1
        }
    }

    private mutating func open(_ bracket: Unicode.Scalar) throws(Failure) {
        guard depth < Self.depthLimit else { throw failure(.nestedTooDeeply) }
        try expect(bracket)
        depth += 1
    }

    /// Steps over a comma to the next element; false at the closing bracket.
    private mutating func next(isFirst: Bool, closing: Unicode.Scalar) throws(Failure) -> Bool {
        skipSpace()
        let byte = try peek()
        if byte == UInt8(ascii: closing) {
            at += 1
            depth -= 1
            return false
        }
        if isFirst { return true }
        try expect(",")
        return true
    }

    private mutating func expect(_ scalar: Unicode.Scalar) throws(Failure) {
        skipSpace()
        let byte = try peek()
        guard byte == UInt8(ascii: scalar) else { throw failure(.unexpected(byte: byte)) }
        at += 1
    }

    private func peek() throws(Failure) -> UInt8 {
        guard at < bytes.count else { throw failure(.unexpectedEnd) }
        return bytes[at]
    }

    private mutating func skipSpace() {
        while at < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[at]) { at += 1 }
    }
}

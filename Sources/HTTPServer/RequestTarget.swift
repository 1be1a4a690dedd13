/// The path and query of a request's first line, decoded strictly.
struct RequestTarget: Equatable {
    let path: [String]
    /// Of an absolute target (RFC 9112, 3.2.2), in lower case; nil where it is a path alone.
    let authority: String?
    let query: [(name: String, value: String)]

    enum Fault: Error, Equatable {
        case tooLong
        /// Bytes that are not printable ASCII, or a target that is not a path.
        case malformed
        /// A bad escape, one that is not UTF-8, or one that hides a slash, a dot segment or a control character.
        case badEscape
        case tooManyQueryItems
    }

    private static let maxQueryItems = 64

    init(_ raw: [UInt8], maxBytes: Int) throws(Fault) {
        guard raw.count <= maxBytes else { throw .tooLong }
        guard raw.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else { throw .malformed }
        let (authority, rest) = try Self.parts(raw)
        self.authority = authority
        let path = rest.prefix { $0 != UInt8(ascii: "?") }
        guard path.first == UInt8(ascii: "/") || path.isEmpty && authority != nil else { throw .malformed }
        self.path = try Self.segments(path)
        query = try Self.query(rest[path.endIndex...].dropFirst())
    }

    private static func parts(_ raw: [UInt8]) throws(Fault) -> (authority: String?, rest: ArraySlice<UInt8>) {
        let head = String(decoding: raw.prefix(8), as: UTF8.self).lowercased()
        guard let scheme = ["http://", "https://"].first(where: { head.hasPrefix($0) }) else { return (nil, raw[...]) }
        let rest = raw[scheme.utf8.count...]
        let authority = rest.prefix { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") }
        guard !authority.isEmpty, !authority.contains(UInt8(ascii: "@")) else { throw .malformed }
        return (String(decoding: authority, as: UTF8.self).lowercased(), rest[authority.endIndex...])
    }

    private static func segments(_ bytes: ArraySlice<UInt8>) throws(Fault) -> [String] {
        var segments: [String] = []
        // A slash too many says nothing.
        for piece in bytes.split(separator: UInt8(ascii: "/")) {
            let decoded = try self.decoded(piece, plusIsBlank: false)
            guard decoded != ".", decoded != "..",
                decoded.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") })
            else { throw .badEscape }
            segments.append(decoded)
        }
        return segments
    }

    private static func query(_ bytes: ArraySlice<UInt8>) throws(Fault) -> [(name: String, value: String)] {
        var items: [(name: String, value: String)] = []
        for piece in bytes.split(separator: UInt8(ascii: "&")) {
            guard items.count < maxQueryItems else { throw .tooManyQueryItems }
            let name = piece.prefix { $0 != UInt8(ascii: "=") }
            let value = piece.dropFirst(name.count + 1)
            items.append((try decoded(name, plusIsBlank: true), try decoded(value, plusIsBlank: true)))
        }
        return items
    }

    private static func decoded(_ bytes: ArraySlice<UInt8>, plusIsBlank: Bool) throws(Fault) -> String {
        var result: [UInt8] = []
        var rest = bytes
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                    throw .badEscape
                }
                guard high | low != 0 else { throw .badEscape }
                result.append(high << 4 | low)
            } else {
                result.append(plusIsBlank && byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        guard let text = String(validating: result, as: UTF8.self) else { throw .badEscape }
        return text
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    static func == (left: RequestTarget, right: RequestTarget) -> Bool {
        left.path == right.path && left.authority == right.authority
            && left.query.elementsEqual(right.query) { $0 == $1 }
    }
}

/// A JSON text as a tree; numbers as they are written.
package indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    /// Keys are bytes: strings that are only canonically equivalent are one key to Swift.
    case object([[UInt8]: JSONValue])

    /// Reads a whole text.
    package init(_ text: [UInt8]) throws(JSONError) {
        var scanner = try JSONScanner(text)
        self = try scanner.value()
        try scanner.end()
    }
}

extension JSONValue {
    /// As JSON writes it, on one line.
    package var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .number(let text): text
        case .string(let text): Self.quoted(text)
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let members):
            "{"
                + members.map { "\(Self.quoted(String(decoding: $0.key, as: UTF8.self))):\($0.value.text)" }
                .joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// One value of a request's body, whichever way it was written.
package indirect enum FieldValue: Sendable, Equatable {
    /// From a form, where everything is text.
    case text(String)
    /// From JSON.
    case string(String)
    /// From JSON, as it is written.
    case number(String)
    case bool(Bool)
    case list([FieldValue])
    case object([String: FieldValue])
    case file(UploadedFile)
}

/// A file as it came.
package struct UploadedFile: Sendable, Equatable {
    package let bytes: [UInt8]

    package init(bytes: [UInt8]) {
        self.bytes = bytes
    }
}

extension FieldValue {
    /// The same bytes for the same content, whether it came as a form or as JSON.
    package var canonicalBytes: [UInt8] {
        switch self {
        case .text(let text), .string(let text), .number(let text): Self.framed("s", Array(text.utf8))
        case .bool(let value): Self.framed("s", Array("\(value)".utf8))
        case .file(let file): Self.framed("f", file.bytes)
        case .list(let values): Self.framed("l", values.flatMap(\.canonicalBytes))
        case .object(let fields): Self.framed("o", Self.canonicalBytes(of: fields))
        }
    }

    package static func canonicalBytes(of fields: [String: FieldValue]) -> [UInt8] {
        // By bytes: names that are only canonically equivalent must not change places.
        let sorted = fields.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return sorted.flatMap { framed("k", Array($0.key.utf8)) + $0.value.canonicalBytes }
    }

    private static func framed(_ kind: Character, _ bytes: [UInt8]) -> [UInt8] {
        Array("\(kind)\(bytes.count):".utf8) + bytes
    }
}

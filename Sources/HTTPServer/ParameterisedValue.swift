/// A header value with parameters, such as `multipart/form-data; boundary="x"`.
package struct ParameterisedValue: Sendable, Equatable {
    /// What stands before the first semicolon, in lower case: "application/json".
    package let value: String
    private let parameters: [String: String]

    /// nil where it is malformed or a parameter is given twice.
    package init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        let head = rest.prefix { $0 != UInt8(ascii: ";") }
        rest = rest.dropFirst(head.count)
        guard let value = Self.text(Self.trimmed(head)), !value.isEmpty else { return nil }
        var parameters: [String: String] = [:]
        while rest.first == UInt8(ascii: ";") {
            rest = Self.trimmed(rest.dropFirst())
            // A semicolon at the end is common and harmless.
            if rest.isEmpty { break }
            guard let (name, content) = Self.parameter(&rest), parameters[name] == nil else { return nil }
            parameters[name] = content
        }
        guard rest.isEmpty else { return nil }
        self.value = value.lowercased()
        self.parameters = parameters
    }

    /// A parameter's value by its name in lower case.
    package subscript(parameter: String) -> String? { parameters[parameter] }

    private static func parameter(_ rest: inout ArraySlice<UInt8>) -> (name: String, content: String)? {
        let name = rest.prefix { HTTPToken.isTokenByte($0) }
        rest = rest.dropFirst(name.count)
        guard let key = text(name), !key.isEmpty, rest.first == UInt8(ascii: "=") else { return nil }
        rest = rest.dropFirst()
        let content: String?
        if rest.first == UInt8(ascii: "\"") {
            content = quoted(&rest)
        } else {
            // Wider than a token: clients send boundaries such as "a/b" bare.
            let bare = rest.prefix { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "\"") }
            rest = rest.dropFirst(bare.count)
            content = bare.isEmpty ? nil : text(bare)
        }
        rest = trimmed(rest)
        return content.map { (key.lowercased(), $0) }
    }

    private static func quoted(_ rest: inout ArraySlice<UInt8>) -> String? {
        var content: [UInt8] = []
        rest = rest.dropFirst()
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return text(content[...]) }
            // Browsers do not escape a backslash; only before a quote or another one is it taken for an escape.
            if byte == UInt8(ascii: "\\"), let next = rest.first,
                next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\")
            {
                rest.removeFirst()
                content.append(next)
            } else {
                content.append(byte)
            }
        }
        return nil
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        let start = bytes.drop(while: isBlank)
        return start.prefix(start.reversed().drop(while: isBlank).count)
    }

    /// Valid UTF-8 without control characters.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

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

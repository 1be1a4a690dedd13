/// "video_" and 32 hexadecimal digits; nothing else is ever looked up or made into a path.
package struct JobID: Sendable, Hashable, Codable, CustomStringConvertible {
    package let description: String

    private static let prefix = "video_"

    /// A new one of 128 random bits.
    package init() {
        var generator = SystemRandomNumberGenerator()
        description = Self.prefix + Self.digits(generator.next()) + Self.digits(generator.next())
    }

    package init?(_ text: String) {
        let digits = text.utf8.dropFirst(Self.prefix.utf8.count)
        let isDigit = { (byte: UInt8) in (48...57).contains(byte) || (97...102).contains(byte) }
        guard text.hasPrefix(Self.prefix), digits.count == 32, digits.allSatisfy(isDigit) else { return nil }
        description = text
    }

    private static func digits(_ bits: UInt64) -> String {
        let text = String(bits, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}

/// Names of files in a repository, as strangers write them.
enum HubPath {
    /// Whether a path stays below where it is put, on every file system.
    static func isSafe(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return path.utf8.count <= 1024 && parts.count <= 8 && parts.allSatisfy(isName)
    }

    /// A plain name: none that is hidden, leads elsewhere or moves a cursor.
    private static func isName(_ part: Substring) -> Bool {
        (1...200).contains(part.utf8.count) && !part.hasPrefix(".")
            && part.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: ":") }
    }

    /// "owner/name".
    static func isRepository(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { isName($0) && $0.utf8.allSatisfy(isPlain) }
    }

    /// A branch, a tag or a commit, without what would have to be escaped.
    package static func isRevision(_ text: String) -> Bool {
        (1...200).contains(text.utf8.count) && !text.hasPrefix(".") && !text.contains("..")
            && text.utf8.allSatisfy(isPlain)
    }

    static func isCommit(_ text: String) -> Bool { text.utf8.count == 40 && isHexadecimal(text) }

    static func isSHA256(_ text: String) -> Bool { text.utf8.count == 64 && isHexadecimal(text) }

    /// With what a URL needs escaped.
    static func escaped(_ path: String) -> String {
        var text = ""
        for byte in path.utf8 {
            if isPlain(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "~") {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                text += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return text
    }

    private static func isHexadecimal(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_")].contains(byte)
    }
}

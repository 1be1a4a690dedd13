/// An http or https address in the one spelling that all parsers read alike.
///
/// Anything else is refused: user names, fragments, blanks, backslashes, odd spellings of numeric hosts, names that are
/// not ASCII. So what has been checked is what is called.
package struct WebAddress: Sendable, Hashable {
    package let isSecure: Bool
    /// In lower case; an IPv6 address without brackets.
    package let host: String
    package let port: UInt16
    /// Path and query, beginning with "/".
    package let target: String

    package static let maxBytes = 2048

    /// - Parameter maxBytes: more for addresses that a server signed.
    package init(_ text: String, maxBytes: Int = WebAddress.maxBytes) throws(HTTPClientError) {
        func refused(_ reason: String) -> HTTPClientError { .forbiddenDestination(reason) }
        let bytes = Array(text.utf8)
        guard bytes.count <= maxBytes else { throw refused("longer than \(maxBytes) bytes") }
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !Self.forbidden.contains($0) }) else {
            throw refused("blanks, backslashes, fragments and characters beyond ASCII must be percent-encoded")
        }
        let separator = Array("://".utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[colon...].starts(with: separator) else {
            throw refused("it must begin with https:// or http://")
        }
        switch String(decoding: bytes[..<colon], as: UTF8.self).lowercased() {
        case "https": isSecure = true
        case "http": isSecure = false
        default: throw refused("it must begin with https:// or http://")
        }
        let rest = bytes[(colon + 3)...]
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        let path = String(decoding: rest[end...], as: UTF8.self)
        target = path.hasPrefix("/") ? path : "/" + path
        let authority = String(decoding: rest[..<end], as: UTF8.self)
        guard !authority.contains("@") else { throw refused("it must not hold a user name") }
        (host, port) = try Self.hostAndPort(authority, standardPort: isSecure ? 443 : 80)
    }

    /// The literal address that the host is; nil for a name.
    package var literal: IPAddress? { IPAddress(host) }

    /// As lists of hosts have it: with the port where it is not the standard one.
    package var authority: String {
        let standard: UInt16 = isSecure ? 443 : 80
        return port == standard ? host : "\(host):\(port)"
    }

    /// As it is called.
    package var text: String {
        let name = host.contains(":") ? "[\(host)]" : host
        let standard: UInt16 = isSecure ? 443 : 80
        return (isSecure ? "https://" : "http://") + name + (port == standard ? "" : ":\(port)") + target
    }

    /// Below this address: "/videos" under "http://host/v1" is "http://host/v1/videos".
    package func appending(_ path: String) throws(HTTPClientError) -> WebAddress {
        let base = text.hasSuffix("/") ? String(text.dropLast()) : text
        return try WebAddress(base + path)
    }

    private static let forbidden = Set("\\\"<>^`{|}#".utf8)

    private static func hostAndPort(
        _ authority: String, standardPort: UInt16
    ) throws(HTTPClientError) -> (String, UInt16) {
        var name = authority[...]
        var port = standardPort
        let afterBracket = authority.lastIndex(of: "]") ?? authority.startIndex
        if let colon = authority[afterBracket...].lastIndex(of: ":") {
            let digits = authority[authority.index(after: colon)...]
            guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt16(digits), number > 0 else {
                throw .forbiddenDestination("the port must be a number from 1 to 65535")
            }
            port = number
            name = authority[..<colon]
        }
        if name.hasPrefix("["), name.hasSuffix("]") {
            let literal = String(name.dropFirst().dropLast()).lowercased()
            guard literal.contains(":"), let address = IPAddress(literal) else {
                throw .forbiddenDestination("the host is not an IPv6 address")
            }
            return (address.description, port)
        }
        return (try hostName(name.lowercased()), port)
    }

    /// Labels of letters, digits and inner hyphens; what ends in a number must be four plain decimal numbers.
    private static func hostName(_ name: String) throws(HTTPClientError) -> String {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard name.utf8.count <= 253, labels.allSatisfy(isLabel) else {
            throw .forbiddenDestination("the host must be a name of letters, digits and hyphens, written in ASCII")
        }
        // As browsers read it: "0x7f.1", "2130706433" and "127.1" would be 127.0.0.1.
        let last = labels.last ?? ""
        let endsInNumber = last.utf8.allSatisfy { (0x30...0x39).contains($0) } || last.hasPrefix("0x")
        guard !endsInNumber || IPAddress(name) != nil else {
            throw .forbiddenDestination("a numeric host must be four decimal numbers")
        }
        return name
    }

    private static func isLabel(_ label: Substring) -> Bool {
        let bytes = label.utf8
        let isPlain = bytes.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "-")
        }
        return (1...63).contains(bytes.count) && isPlain && !label.hasPrefix("-") && !label.hasSuffix("-")
    }
}

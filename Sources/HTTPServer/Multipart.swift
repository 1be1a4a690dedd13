/// A form as browsers and API clients send it (RFC 7578, RFC 2046).
package struct Multipart: Sendable, Equatable {
    package let parts: [Part]

    package struct Part: Sendable, Equatable {
        package let name: String
        /// What the client calls the file; never to be used as a path.
        package let filename: String?
        package let mediaType: String?
        /// Of a text; nil where the part does not say.
        package let charset: String?
        package let bytes: ArraySlice<UInt8>
    }

    package struct Limits: Sendable {
        package var maxParts = 64
        /// Of one part.
        package var maxHeaderBytes = 4096
        package var maxNameBytes = 256
        package var maxBytes = 64 << 20

        package init() {}
    }

    /// Reads a body whose `Content-Type` is `contentType`.
    package init(_ body: [UInt8], contentType: String, limits: Limits = Limits()) throws(MultipartError) {
        guard let type = ParameterisedValue(contentType), type.value == "multipart/form-data",
            let boundary = type["boundary"], Self.isBoundary(boundary)
        else { throw .badContentType }
        guard body.count <= limits.maxBytes else { throw .tooManyBytes(limit: limits.maxBytes) }
        let delimiter = Array("\r\n--\(boundary)".utf8)
        var rest = try Self.behindPreamble(body, delimiter)
        var parts: [Part] = []
        while try !Self.isLast(&rest) {
            guard parts.count < limits.maxParts else { throw .tooManyParts(limit: limits.maxParts) }
            let header = try Self.header(&rest, limit: limits.maxHeaderBytes)
            guard let end = Self.find(delimiter, in: rest) else { throw .unterminated }
            parts.append(try Self.part(header, bytes: rest[..<end], limits: limits))
            rest = rest[(end + delimiter.count)...]
        }
        self.parts = parts
    }

    /// RFC 2046, 5.1.1: blanks only within.
    private static func isBoundary(_ text: String) -> Bool {
        let marks = Set("'()+_,-./:=? ".utf8)
        return (1...70).contains(text.utf8.count) && !text.hasSuffix(" ")
            && text.utf8.allSatisfy { marks.contains($0) || HTTPToken.isTokenByte($0) }
    }

    /// What follows the first boundary; whatever stands before it says nothing.
    private static func behindPreamble(
        _ body: [UInt8], _ delimiter: [UInt8]
    ) throws(MultipartError) -> ArraySlice<UInt8> {
        if body.starts(with: delimiter[2...]) { return body[(delimiter.count - 2)...] }
        guard let start = find(delimiter, in: body[...]) else { throw .badDelimiter }
        return body[(start + delimiter.count)...]
    }

    /// Takes what follows a boundary; whether it was the last one, behind which anything may stand.
    private static func isLast(_ rest: inout ArraySlice<UInt8>) throws(MultipartError) -> Bool {
        let isLast = rest.starts(with: "--".utf8)
        if isLast { rest = rest.dropFirst(2) }
        rest = rest.drop { $0 == 0x20 || $0 == 0x09 }
        if isLast, rest.isEmpty { return true }
        guard isLast || rest.count >= 2 else { throw .unterminated }
        guard rest.starts(with: "\r\n".utf8) else { throw .badDelimiter }
        rest = rest.dropFirst(2)
        return isLast
    }

    /// Takes the header's lines and the empty one after them.
    private static func header(
        _ rest: inout ArraySlice<UInt8>, limit: Int
    ) throws(MultipartError) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var left = limit
        while true {
            guard let end = find(Array("\r\n".utf8), in: rest.prefix(left + 2)) else {
                if rest.count > left { throw .headerTooLong(limit: limit) }
                throw .unterminated
            }
            let line = rest[..<end]
            rest = rest[(end + 2)...]
            if line.isEmpty { break }
            lines.append(line)
            left -= line.count + 2
            guard left >= 0 else { throw .headerTooLong(limit: limit) }
        }
        return lines
    }

    private static func part(
        _ lines: [ArraySlice<UInt8>], bytes: ArraySlice<UInt8>, limits: Limits
    ) throws(MultipartError) -> Part {
        var fields: [String: String] = [:]
        for line in lines {
            guard line.allSatisfy({ $0 >= 0x20 || $0 == 0x09 }) else { throw .badHeader }
            let name = line.prefix { $0 != UInt8(ascii: ":") }
            guard let key = String(validating: name, as: UTF8.self), HTTPToken.isToken(key), name.count < line.count,
                let value = String(validating: line.dropFirst(name.count + 1), as: UTF8.self),
                fields.updateValue(value, forKey: key.lowercased()) == nil
            else { throw .badHeader }
        }
        guard let text = fields["content-disposition"] else { throw .nameMissing }
        guard let disposition = ParameterisedValue(text), disposition.value == "form-data" else { throw .badHeader }
        guard let name = disposition["name"], !name.isEmpty else { throw .nameMissing }
        guard name.utf8.count <= limits.maxNameBytes else { throw .nameTooLong(limit: limits.maxNameBytes) }
        let type = fields["content-type"].map(ParameterisedValue.init)
        if let type, type == nil { throw .badHeader }
        if let encoding = fields["content-transfer-encoding"].map(ParameterisedValue.init) {
            guard ["binary", "8bit", "7bit"].contains(encoding?.value) else { throw .badHeader }
        }
        return Part(
            name: name, filename: disposition["filename"] ?? disposition["filename*"], mediaType: type??.value,
            charset: type??["charset"]?.lowercased(), bytes: bytes)
    }

    /// Where `pattern`, which repeats its first byte nowhere, begins.
    private static func find(_ pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        var rest = bytes
        while let start = rest.firstIndex(of: 13) {
            rest = rest[start...]
            if rest.starts(with: pattern) { return start }
            rest = rest.dropFirst()
        }
        return nil
    }
}

import VideoTypes

/// The picture that a request brings: an uploaded file, a data URL, or an object that holds one.
enum ReferenceField {
    static let byteLimit = 16 << 20

    static func bytes(_ value: FieldValue?, _ parameter: Parameter) throws(APIError) -> [UInt8]? {
        let name = parameter.name
        switch value {
        case nil: return nil
        case .file(let file):
            guard file.bytes.count <= byteLimit else { throw tooLarge(name) }
            return file.bytes
        case .text(let text), .string(let text): return try bytes(ofURL: text, name)
        case .object(let members):
            guard members.count == 1, let member = members["image_url"] else {
                throw .invalid(name, "must be a file or hold an image_url")
            }
            switch member {
            case .text(let text), .string(let text): return try bytes(ofURL: text, name)
            // As the chat API writes it: {"image_url": {"url": …}}.
            case .object(let inner):
                guard inner.count == 1, case .text(let text) = inner["url"]?.asText else {
                    throw .invalid(name, "must be a file or hold an image_url")
                }
                return try bytes(ofURL: text, name)
            default: throw .invalid(name, "must be a file or hold an image_url")
            }
        default: throw .invalid(name, "must be a file or hold an image_url", code: "invalid_type")
        }
    }

    /// Nothing is ever fetched for a client.
    private static func bytes(ofURL text: String, _ name: String) throws(APIError) -> [UInt8] {
        guard text.utf8.starts(with: "data:".utf8) else {
            throw .invalid(name, "must be a file or a data: URL; nothing is fetched", code: "remote_reference")
        }
        guard text.utf8.count <= byteLimit / 3 * 4 + 64 else { throw tooLarge(name) }
        let rest = text.utf8.dropFirst("data:".utf8.count)
        guard let comma = rest.firstIndex(of: UInt8(ascii: ",")),
            let head = String(rest[..<comma]),
            ["image/png", "image/jpeg", "image/webp"].contains(where: { head == $0 + ";base64" }),
            let body = String(rest[rest.index(after: comma)...]), let bytes = Base64.decode(body)
        else {
            throw .invalid(name, "must be a data: URL of a PNG, JPEG or WebP in base64")
        }
        guard bytes.count <= byteLimit else { throw tooLarge(name) }
        return bytes
    }

    private static func tooLarge(_ name: String) -> APIError {
        APIError(413, "file_too_large", "\(name) has more than \(byteLimit >> 20) MiB", parameter: name)
    }
}

import VideoTypes

/// The picture that a request brings: an uploaded file, a data URL, or an object that holds one.
enum ReferenceField {
    static let byteLimit = 16 << 20
    private static let name = "input_reference"

    static func bytes(_ value: FieldValue?) throws(APIError) -> [UInt8]? {
        switch value {
        case nil: return nil
        case .file(let file):
            guard file.bytes.count <= byteLimit else { throw tooLarge }
            return file.bytes
        case .text(let text), .string(let text): return try bytes(ofURL: text)
        case .object(let members):
            guard members.count == 1, let member = members["image_url"] else {
                throw .invalid(name, "must be a file or hold an image_url")
            }
            switch member {
            case .text(let text), .string(let text): return try bytes(ofURL: text)
            // As the chat API writes it: {"image_url": {"url": …}}.
            case .object(let inner):
                guard inner.count == 1, case .text(let text) = inner["url"]?.asText else {
                    throw .invalid(name, "must be a file or hold an image_url")
                }
                return try bytes(ofURL: text)
            default: throw .invalid(name, "must be a file or hold an image_url")
            }
        default: throw .invalid(name, "must be a file or hold an image_url", code: "invalid_type")
        }
    }

    /// Nothing is ever fetched for a client.
    private static func bytes(ofURL text: String) throws(APIError) -> [UInt8] {
        guard text.utf8.starts(with: "data:".utf8) else {
            throw .invalid(name, "must be a file or a data: URL; nothing is fetched", code: "remote_reference")
        }
        guard text.utf8.count <= byteLimit / 3 * 4 + 64 else { throw tooLarge }
        let rest = text.utf8.dropFirst("data:".utf8.count)
        guard let comma = rest.firstIndex(of: UInt8(ascii: ",")),
            let head = String(rest[..<comma]),
            ["image/png", "image/jpeg", "image/webp"].contains(where: { head == $0 + ";base64" }),
            let body = String(rest[rest.index(after: comma)...]), let bytes = Base64.decode(body)
        else {
            throw .invalid(name, "must be a data: URL of a PNG, JPEG or WebP in base64")
        }
        guard bytes.count <= byteLimit else { throw tooLarge }
        return bytes
    }

    private static var tooLarge: APIError {
        APIError(413, "file_too_large", "input_reference has more than \(byteLimit >> 20) MiB", parameter: name)
    }
}

/// A picture that a clip is made from, as a file's bytes.
public struct ReferenceImage: Sendable, Hashable {
    public let bytes: [UInt8]
    public let format: Format
    /// What it is to the clip.
    public let role: PictureRole

    /// The formats that are read.
    public enum Format: String, Sendable, Hashable, CaseIterable, Codable {
        case png
        case jpeg
        case webp

        public var mediaType: String { "image/\(rawValue)" }
    }

    public init(bytes: [UInt8], format: Format, role: PictureRole = .first) {
        self.bytes = bytes
        self.format = format
        self.role = role
    }
}

/// The bytes are base64.
extension ReferenceImage: Codable {
    private enum CodingKeys: String, CodingKey {
        case bytes, format, role
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        guard let bytes = Base64.decode(try values.decode(String.self, forKey: .bytes)) else {
            throw DecodingError.dataCorruptedError(forKey: .bytes, in: values, debugDescription: "not base64")
        }
        self.init(
            bytes: bytes, format: try values.decode(Format.self, forKey: .format),
            role: try values.decodeIfPresent(PictureRole.self, forKey: .role) ?? .first)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(Base64.encode(bytes), forKey: .bytes)
        try values.encode(format, forKey: .format)
        try values.encode(role, forKey: .role)
    }
}

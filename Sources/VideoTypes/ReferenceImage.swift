/// A picture that a clip begins from, as a file's bytes.
public struct ReferenceImage: Sendable, Hashable {
    public let bytes: [UInt8]
    public let format: Format

    /// The formats that are read.
    public enum Format: String, Sendable, Hashable, CaseIterable {
        case png
        case jpeg
        case webp

        public var mediaType: String { "image/\(rawValue)" }
    }

    public init(bytes: [UInt8], format: Format) {
        self.bytes = bytes
        self.format = format
    }
}

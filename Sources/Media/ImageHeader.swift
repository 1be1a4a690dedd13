package import VideoTypes

/// What the first bytes of a picture say, read without decoding it.
///
/// Limits come before decoders: a few hundred bytes may unfold to gigabytes.
package struct ImageHeader: Sendable, Equatable {
    package let format: ReferenceImage.Format
    package let width: Int
    package let height: Int

    package static let maxSide = 8192
    /// As many as 8K video has.
    package static let maxPixels = 7680 * 4320
    package static let maxAspect = 8

    /// The name that a file has or the type that a client gives means nothing here.
    package init(_ bytes: [UInt8]) throws(ImageHeaderError) {
        let header = ByteView(bytes[...])
        let size: (width: Int, height: Int)?
        if header.starts(with: PNGHeader.signature) {
            format = .png
            size = PNGHeader.size(header)
        } else if header.starts(with: [0xFF, 0xD8, 0xFF]) {
            format = .jpeg
            size = try JPEGHeader.size(header)
        } else if header.starts(with: Array("RIFF".utf8)), header.contains("WEBP", at: 8) {
            format = .webp
            size = try WebPHeader.size(header)
        } else {
            throw .unknownFormat(found: ForeignFormat.name(header))
        }
        guard let (width, height) = size, width > 0, height > 0 else { throw .malformed(format) }
        // Each side first, so that their product is small.
        guard width <= Self.maxSide, height <= Self.maxSide, width * height <= Self.maxPixels else {
            throw .tooLarge(width: width, height: height)
        }
        guard max(width, height) <= Self.maxAspect * min(width, height) else {
            throw .tooElongated(width: width, height: height)
        }
        self.width = width
        self.height = height
    }
}

package import VideoTypes

/// Why a picture is not taken; the texts may leave the service.
package enum ImageHeaderError: Error, Hashable {
    /// Its first bytes are those of no format that is read.
    case unknownFormat
    case malformed(ReferenceImage.Format)
    case tooLarge(width: Int, height: Int)
    case tooElongated(width: Int, height: Int)

    package var message: String {
        switch self {
        case .unknownFormat: "the picture is not a PNG, JPEG or WebP file"
        case .malformed(let format): "the picture's \(format.rawValue.uppercased()) header is malformed"
        case .tooLarge(let width, let height):
            "the picture is \(width)x\(height); the limits are \(ImageHeader.maxSide) a side and"
                + " \(ImageHeader.maxPixels / 1_000_000) million pixels"
        case .tooElongated(let width, let height):
            "the picture is \(width)x\(height); one side may be at most \(ImageHeader.maxAspect) times the other"
        }
    }
}

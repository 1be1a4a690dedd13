package import VideoTypes

/// Why a picture is not taken; the texts may leave the service.
package enum ImageHeaderError: Error, Hashable {
    /// Its first bytes are those of no format that is read; what they are, where that is known.
    case unknownFormat(found: String?)
    case malformed(ReferenceImage.Format)
    /// A kind of a format that is read which no program shows.
    case unsupported(ReferenceImage.Format, kind: String)
    case animated(ReferenceImage.Format)
    case tooLarge(width: Int, height: Int)
    case tooElongated(width: Int, height: Int)

    package var message: String {
        switch self {
        case .unknownFormat(nil): "the picture is not a PNG, JPEG or WebP file"
        case .unknownFormat(let found?): "the picture is \(found), not a PNG, JPEG or WebP file"
        case .malformed(let format): "the picture's \(format.name) header is malformed"
        case .unsupported(let format, let kind): "the picture is a \(format.name) file with \(kind), which is not read"
        case .animated(let format): "the picture is an animated \(format.name) file; a still picture is expected"
        case .tooLarge(let width, let height):
            "the picture is \(width)x\(height); the limits are \(ImageHeader.maxSide) a side and"
                + " \(ImageHeader.maxPixels / 1_000_000) million pixels"
        case .tooElongated(let width, let height):
            "the picture is \(width)x\(height); one side may be at most \(ImageHeader.maxAspect) times the other"
        }
    }

    package var remedy: String {
        switch self {
        case .unknownFormat(ForeignFormat.lfsPointerName):
            "the folder was cloned without its large files: run git lfs pull in it"
        case .unknownFormat, .unsupported: "save it as PNG, JPEG or WebP, whatever its name ends in"
        case .malformed: "save the picture once more, or copy the file again"
        case .animated: "save one of its frames as a picture"
        case .tooLarge: "scale it down"
        case .tooElongated: "crop it"
        }
    }
}

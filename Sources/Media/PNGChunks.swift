import VideoTypes

/// A PNG file taken apart, so that a decoder sees nothing but the picture.
///
/// Texts and profiles may be compressed without a bound of their own, and what stands behind the end is no part of the
/// picture.
struct PNGChunks {
    /// The file with its header, palette and picture alone.
    let bare: [UInt8]
    let exif: ArraySlice<UInt8>?

    init(_ file: ByteView) throws(PictureError) {
        var bare = PNGHeader.signature
        var exif: ArraySlice<UInt8>?
        var offset = bare.count
        var hasPalette = false
        var hasPicture = false
        while true {
            guard let length = file.bigEndian(offset, 4), let chunk = file.slice(offset, 12 + length),
                let data = file.slice(offset + 8, length)
            else { throw .truncated(.png) }
            let type = file.bigEndian(offset + 4, 4) ?? 0
            switch type {
            case Self.header where offset > PNGHeader.signature.count: throw .damaged(.png, "it has a second header")
            case Self.animation: throw .header(.animated(.png))
            case Self.exif: exif = data
            case Self.palette where hasPalette: throw .damaged(.png, "it has a second palette")
            case Self.header, Self.palette, Self.picture, Self.end:
                bare += chunk
                hasPalette = hasPalette || type == Self.palette
                hasPicture = hasPicture || type == Self.picture
            // The fifth bit of its name says that whoever does not know a chunk may leave it out.
            case _ where type >> 24 & 0x20 == 0: throw .damaged(.png, "it needs a chunk that nobody knows")
            default: break
            }
            if type == Self.end { break }
            offset += chunk.count
        }
        guard hasPicture else { throw .damaged(.png, "there is no picture in it") }
        guard file[25] != 3 || hasPalette else { throw .damaged(.png, "its palette is missing") }
        self.bare = bare
        self.exif = exif
    }

    private static let header = name("IHDR")
    private static let palette = name("PLTE")
    private static let picture = name("IDAT")
    private static let end = name("IEND")
    private static let animation = name("acTL")
    private static let exif = name("eXIf")

    private static func name(_ text: StaticString) -> Int {
        "\(text)".utf8.reduce(0) { $0 << 8 | Int($1) }
    }
}

import VideoTypes

/// A WebP file taken apart, so that a decoder sees nothing but the picture's colours.
struct WebPChunks {
    /// A file in the simple form, of one chunk.
    let bare: [UInt8]
    let exif: ArraySlice<UInt8>?

    /// Of a file whose header has been read: the walk ends within it.
    init(_ file: ByteView) throws(PictureError) {
        guard let length = file.littleEndian(4, 4), let body = file.slice(0, length + 8) else {
            throw .truncated(.webp)
        }
        let file = ByteView(body)
        var picture: ArraySlice<UInt8>?
        var exif: ArraySlice<UInt8>?
        var offset = 12
        while offset < file.count, let size = file.littleEndian(offset + 4, 4) {
            guard let chunk = file.slice(offset, 8 + size) else { throw .truncated(.webp) }
            if file.contains("EXIF", at: offset) {
                exif = chunk.dropFirst(8)
            } else if file.contains("VP8 ", at: offset) || file.contains("VP8L", at: offset) {
                picture = picture ?? chunk
            }
            offset += 8 + size + size % 2
        }
        guard let picture else { throw .damaged(.webp, "there is no picture in it") }
        let padding = picture.count % 2
        let total = 4 + picture.count + padding
        bare =
            Array("RIFF".utf8) + (0..<4).map { UInt8(truncatingIfNeeded: total >> ($0 * 8)) } + Array("WEBP".utf8)
            + picture + [UInt8](repeating: 0, count: padding)
        self.exif = exif
    }
}

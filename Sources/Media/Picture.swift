package import VideoTypes

/// A picture file's bytes as a frame: red, green and blue of 8 bits, upright.
///
/// As Diffusers' `load_image` reads it. Transparency is left out, not laid over a colour: the colours are those that
/// the file has there. Of 16 bits the upper 8 count, of grey ones too, which Pillow would turn white.
package struct Picture: Sendable {
    package let format: ReferenceImage.Format
    package let frame: Frame

    /// Nothing is decoded before its header and what is around the picture have been looked at.
    package init(_ bytes: [UInt8]) throws(PictureError) {
        guard bytes.count <= PictureFile.maxBytes else { throw .tooManyBytes(bytes.count) }
        let header: ImageHeader
        do throws(ImageHeaderError) {
            header = try ImageHeader(bytes)
        } catch {
            throw .header(error)
        }
        format = header.format
        let file = ByteView(bytes[...])
        let upright: Frame
        let turn: PictureTurn
        switch header.format {
        case .png:
            let chunks = try PNGChunks(file)
            turn = PictureTurn(exif: chunks.exif)
            upright = try PictureDecoder(header).decode(chunks.bare, as: .direct)
        case .jpeg:
            let segments = try JPEGSegments(file)
            turn = PictureTurn(exif: segments.exif)
            upright = try PictureDecoder(header).decode(segments.bare, as: segments.model)
        case .webp:
            let chunks = try WebPChunks(file)
            turn = PictureTurn(exif: chunks.exif)
            upright = try PictureDecoder(header).decode(chunks.bare, as: .webP)
        }
        frame = turn.applied(to: upright)
    }
}

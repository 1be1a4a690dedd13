import VideoTypes

/// The chunks of a WebP file (RFC 9649) up to the one that holds the picture.
enum WebPHeader {
    private static let animation: UInt8 = 0x02

    static func size(_ file: ByteView) throws(ImageHeaderError) -> (width: Int, height: Int)? {
        guard let length = file.littleEndian(4, 4), length >= 12, length + 8 <= file.count else { return nil }
        guard file.contains("VP8X", at: 12) else { return picture(file, at: 12, end: length + 8) }
        guard file.littleEndian(16, 4) == 10, let flags = file[20] else { return nil }
        guard flags & animation == 0 else { throw .animated(.webp) }
        guard let width = file.littleEndian(24, 3), let height = file.littleEndian(27, 3) else { return nil }
        let canvas = (width: width + 1, height: height + 1)
        // A still picture covers its canvas; one of another size would be decoded behind the limits' back.
        var offset = 30
        while offset < length + 8 {
            if file.contains("VP8 ", at: offset) || file.contains("VP8L", at: offset) {
                guard let inner = picture(file, at: offset, end: length + 8), inner == canvas else { return nil }
                return canvas
            }
            guard let size = file.littleEndian(offset + 4, 4) else { return nil }
            offset += 8 + size + size % 2
        }
        return nil
    }

    private static func picture(_ file: ByteView, at offset: Int, end: Int) -> (width: Int, height: Int)? {
        guard let size = file.littleEndian(offset + 4, 4), offset + 8 + size <= end else { return nil }
        let data = offset + 8
        if file.contains("VP8 ", at: offset) {
            // A key frame with its start code (RFC 6386, 9.1); the two upper bits are a scale.
            guard size >= 10, let tag = file[data], tag & 1 == 0, file.bigEndian(data + 3, 3) == 0x9D012A,
                let width = file.littleEndian(data + 6, 2), let height = file.littleEndian(data + 8, 2)
            else { return nil }
            return (width & 0x3FFF, height & 0x3FFF)
        }
        guard file.contains("VP8L", at: offset), size >= 5, file[data] == 0x2F,
            let bits = file.littleEndian(data + 1, 4),
            bits >> 29 == 0
        else { return nil }
        return (bits & 0x3FFF + 1, bits >> 14 & 0x3FFF + 1)
    }
}

/// The frame header of a JPEG file (ITU T.81, B.2.2): the first of the segments that begin with SOF.
enum JPEGHeader {
    private static let endsWithoutLength: Set<UInt8> = [0x01, 0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7]
    private static let startOfScan: UInt8 = 0xDA
    private static let endOfImage: UInt8 = 0xD9
    /// Baseline, extended and progressive, all Huffman-coded: what decoders read and cameras write.
    private static let frames: Set<UInt8> = [0xC0, 0xC1, 0xC2]
    private static let otherFrames: Set<UInt8> = [
        0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF,
    ]

    static func size(_ file: ByteView) -> (width: Int, height: Int)? {
        var offset = 2
        while true {
            guard file[offset] == 0xFF else { return nil }
            // Any number of fill bytes may stand before a marker.
            while file[offset] == 0xFF { offset += 1 }
            guard let marker = file[offset], marker != 0, marker != startOfScan, marker != endOfImage,
                !otherFrames.contains(marker)
            else { return nil }
            offset += 1
            if endsWithoutLength.contains(marker) { continue }
            guard let length = file.bigEndian(offset, 2), length >= 2, offset + length <= file.count else { return nil }
            if frames.contains(marker) { return frame(file, at: offset, length: length) }
            offset += length
        }
    }

    private static func frame(_ file: ByteView, at offset: Int, length: Int) -> (width: Int, height: Int)? {
        guard file[offset + 2] == 8, let height = file.bigEndian(offset + 3, 2),
            let width = file.bigEndian(offset + 5, 2),
            let components = file[offset + 7], [1, 3, 4].contains(components), length == 8 + 3 * Int(components)
        else { return nil }
        return (width, height)
    }
}

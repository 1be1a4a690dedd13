import VideoTypes

/// The frame header of a JPEG file (ITU T.81, B.2.2): the first of the segments that begin with SOF.
enum JPEGHeader {
    static let endsWithoutLength: Set<UInt8> = [0x01, 0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7]
    static let startOfScan: UInt8 = 0xDA
    static let endOfImage: UInt8 = 0xD9
    /// Baseline, extended and progressive, all Huffman-coded: what decoders read and cameras write.
    static let frames: Set<UInt8> = [0xC0, 0xC1, 0xC2]
    private static let otherFrames: [UInt8: String] = [
        0xC3: "lossless coding", 0xC5: "a hierarchy", 0xC6: "a hierarchy", 0xC7: "a hierarchy",
        0xC9: "arithmetic coding", 0xCA: "arithmetic coding", 0xCB: "arithmetic coding", 0xCD: "a hierarchy",
        0xCE: "a hierarchy", 0xCF: "a hierarchy",
    ]

    static func size(_ file: ByteView) throws(ImageHeaderError) -> (width: Int, height: Int)? {
        var offset = 2
        while true {
            guard file[offset] == 0xFF else { return nil }
            // Any number of fill bytes may stand before a marker.
            while file[offset] == 0xFF { offset += 1 }
            guard let marker = file[offset], marker != 0, marker != startOfScan, marker != endOfImage,
                marker != 0xC8
            else { return nil }
            if let kind = otherFrames[marker] { throw .unsupported(.jpeg, kind: kind) }
            offset += 1
            if endsWithoutLength.contains(marker) { continue }
            guard let length = file.bigEndian(offset, 2), length >= 2, offset + length <= file.count else { return nil }
            if frames.contains(marker) { return try frame(file, at: offset, length: length) }
            offset += length
        }
    }

    private static func frame(
        _ file: ByteView, at offset: Int, length: Int
    ) throws(ImageHeaderError) -> (width: Int, height: Int)? {
        guard let bits = file[offset + 2], let height = file.bigEndian(offset + 3, 2),
            let width = file.bigEndian(offset + 5, 2),
            let components = file[offset + 7], [1, 3, 4].contains(components), length == 8 + 3 * Int(components)
        else { return nil }
        if bits == 12 { throw .unsupported(.jpeg, kind: "12 bits a sample") }
        return bits == 8 ? (width, height) : nil
    }
}

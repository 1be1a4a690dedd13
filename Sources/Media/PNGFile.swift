package import VideoTypes

/// A picture as PNG, its pixels stored as they are: for small pictures that are looked at once.
package enum PNGFile {
    /// - Parameter frame: of at most 21,000 pixels in a row.
    package static func bytes(_ frame: Frame) -> [UInt8] {
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        // 8 bits, red, green and blue, and the only methods there are, without interlacing.
        append("IHDR", big(UInt32(frame.width)) + big(UInt32(frame.height)) + [8, 2, 0, 0, 0], to: &file)
        append("IDAT", stored(rows(frame)), to: &file)
        append("IEND", [], to: &file)
        return file
    }

    /// Each row behind the number of its filter, which is none.
    private static func rows(_ frame: Frame) -> [UInt8] {
        let length = 3 * frame.width
        var rows: [UInt8] = []
        rows.reserveCapacity((length + 1) * frame.height)
        for row in 0..<frame.height {
            rows.append(0)
            rows += frame.pixels[row * length..<(row + 1) * length]
        }
        return rows
    }

    /// Bytes as a zlib stream of blocks that are not compressed (RFC 1950, 1951).
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        let limit = 65535
        for start in stride(from: 0, to: max(bytes.count, 1), by: limit) {
            let block = bytes[start..<min(start + limit, bytes.count)]
            let size = UInt16(block.count)
            stream.append(start + limit >= bytes.count ? 1 : 0)
            for word in [size, ~size] { stream += [UInt8(word & 0xFF), UInt8(word >> 8)] }
            stream += block
        }
        return stream + big(adler32(bytes))
    }

    private static func append(_ type: String, _ data: [UInt8], to file: inout [UInt8]) {
        let chunk = Array(type.utf8) + data
        file += big(UInt32(data.count)) + chunk + big(crc32(chunk))
    }

    private static func big(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func adler32(_ bytes: [UInt8]) -> UInt32 {
        var (low, high): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        return high << 16 | low
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
    }
}

import VideoTypes

/// The header chunk of a PNG file (RFC 2083, 11.2.2 of the W3C's edition).
enum PNGHeader {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Bit depths by colour type.
    private static let depths: [UInt8: Set<UInt8>] = [
        0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16],
    ]

    static func size(_ file: ByteView) -> (width: Int, height: Int)? {
        guard file.bigEndian(8, 4) == 13, file.contains("IHDR", at: 12), let width = file.bigEndian(16, 4),
            let height = file.bigEndian(20, 4), let depth = file[24], let colour = file[25],
            depths[colour]?.contains(depth) == true, file[26] == 0, file[27] == 0, let interlace = file[28],
            interlace <= 1, file.bigEndian(29, 4) == checksum(file)
        else { return nil }
        return (width, height)
    }

    /// CRC-32 of the chunk's type and data.
    private static func checksum(_ file: ByteView) -> Int {
        var register: UInt32 = 0xFFFF_FFFF
        for offset in 12..<29 {
            register ^= UInt32(file[offset] ?? 0)
            for _ in 0..<8 {
                register = register & 1 == 1 ? register >> 1 ^ 0xEDB8_8320 : register >> 1
            }
        }
        return Int(~register)
    }
}

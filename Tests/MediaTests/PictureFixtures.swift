import Foundation
import TestSupport
import VideoTypes

@testable import Media

/// Picture files made by `Tests/Reference/pictures.py`.
enum PictureFixtures {
    static let folder = Fixture.path("pictures")

    /// Every picture that is read, by name.
    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasSuffix(".ppm") && $0 != "refused" }
            .sorted()
    }

    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
    }

    /// What Pillow makes of it: a portable pixmap of one line and the pixels.
    static func expected(_ name: String) throws -> Frame {
        let file = try bytes(name + ".ppm")
        let line = file.prefix { $0 != UInt8(ascii: "\n") }
        let words = String(decoding: line, as: UTF8.self).split(separator: " ").compactMap { Int($0) }
        return Frame(width: words[0], height: words[1], pixels: Array(file.dropFirst(line.count + 1)))
    }

    static func refusal(_ bytes: [UInt8]) -> PictureError? {
        do throws(PictureError) {
            _ = try Picture(bytes)
            return nil
        } catch {
            return error
        }
    }

    /// A PNG file whose chunks have the checksums of their data again.
    static func mended(png bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        var offset = 8
        while offset + 12 <= bytes.count {
            let length = bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
            guard offset + 12 + length <= bytes.count else { break }
            let sum = checksum(bytes[offset + 4..<offset + 8 + length])
            for index in 0..<4 {
                bytes[offset + 8 + length + index] = UInt8(truncatingIfNeeded: sum >> (24 - index * 8))
            }
            offset += 12 + length
        }
        return bytes
    }

    static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let length = (0..<4).map { UInt8(truncatingIfNeeded: data.count >> (24 - $0 * 8)) }
        let body = Array(name.utf8) + data
        let sum = checksum(body[...])
        return length + body + (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - $0 * 8)) }
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(UInt32.max) { register, byte in
            (0..<8).reduce(register ^ UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
            }
        }
    }
}

import TestTools
import Testing
import VideoTypes

@testable import Media

/// Pictures by their first bytes: what is taken, what is refused, and that nothing traps.
@Suite(.bounded) struct ImageHeaderTests {
    private static func refusal(_ bytes: [UInt8]) -> ImageHeaderError? {
        do throws(ImageHeaderError) {
            _ = try ImageHeader(bytes)
            return nil
        } catch {
            #expect(!error.message.isEmpty)
            return error
        }
    }

    private static func four(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(value >> ($0 * 8) & 0xFF) } }

    /// A PNG header with a right checksum.
    private static func png(_ width: Int, _ height: Int) -> [UInt8] {
        let chunk = Array("IHDR".utf8) + four(width).reversed() + four(height).reversed() + [8, 2, 0, 0, 0]
        var register: UInt32 = .max
        for byte in chunk {
            register ^= UInt32(byte)
            for _ in 0..<8 { register = register & 1 == 1 ? register >> 1 ^ 0xEDB8_8320 : register >> 1 }
        }
        return PNGHeader.signature + [0, 0, 0, 13] + chunk + four(Int(~register)).reversed()
    }

    private static func jpeg(_ width: Int, _ height: Int, marker: UInt8 = 0xC0) -> [UInt8] {
        let size = [UInt8(height >> 8), UInt8(height & 0xFF), UInt8(width >> 8), UInt8(width & 0xFF)]
        return [0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2, 0xFF, 0xFF, marker, 0, 11, 8] + size + [1, 1, 0x11, 0]
    }

    private static func webP(_ chunks: [(String, [UInt8])]) -> [UInt8] {
        let body =
            Array("WEBP".utf8)
            + chunks.flatMap { Array($0.0.utf8) + four($0.1.count) + $0.1 + ($0.1.count % 2 == 1 ? [0] : []) }
        return Array("RIFF".utf8) + four(body.count) + body
    }

    private static func lossless(_ width: Int, _ height: Int) -> [UInt8] {
        [0x2F] + four((width - 1) | (height - 1) << 14)
    }

    private static func canvas(_ width: Int, _ height: Int, flags: UInt8 = 0) -> [UInt8] {
        [flags, 0, 0, 0] + four(width - 1).prefix(3) + four(height - 1).prefix(3)
    }

    @Test func `real files are read`() throws {
        for (bytes, format) in [
            (SamplePictures.png, .png), (SamplePictures.jpeg, .jpeg), (SamplePictures.webP, .webp),
            (SamplePictures.losslessWebP, .webp),
        ] as [([UInt8], ReferenceImage.Format)] {
            let header = try ImageHeader(bytes)
            #expect(header.format == format)
            #expect(header.width == 20 && header.height == 12)
        }
    }

    @Test func `every kind of header is read`() throws {
        for bytes in [
            Self.png(300, 200), Self.jpeg(300, 200), Self.jpeg(300, 200, marker: 0xC2),
            Self.webP([("VP8L", Self.lossless(300, 200))]),
            Self.webP([
                ("VP8X", Self.canvas(300, 200, flags: 0x10)), ("ALPH", [1, 2, 3]), ("VP8L", Self.lossless(300, 200)),
            ]),
        ] {
            let header = try ImageHeader(bytes)
            #expect(header.width == 300 && header.height == 200)
        }
    }

    @Test func `other formats are refused, whatever they are called`() {
        for bytes in [
            [0], Array("GIF89a".utf8) + [1, 0, 1, 0], Array("<svg xmlns='http://www.w3.org/2000/svg'/>".utf8),
            Array("<?xml version='1.0'?><svg/>".utf8), Array("BM".utf8) + [UInt8](repeating: 0, count: 60),
            // JPEG 2000, as a file and as a bare stream; TIFF, HEIF, MP4 and PDF.
            [0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20, 0x0D, 0x0A, 0x87, 0x0A], [0xFF, 0x4F, 0xFF, 0x51, 0, 47],
            [0x49, 0x49, 0x2A, 0], Array("\0\0\0 ftypheic".utf8), Array("\0\0\0 ftypisom".utf8), Array("%PDF-1.7".utf8),
            Array("RIFF\0\0\0\0WAVE".utf8), Array("RIFF".utf8), Array(SamplePictures.png.dropFirst()),
        ] as [[UInt8]] {
            guard case .unknownFormat = Self.refusal(bytes) else {
                Issue.record("\(bytes.prefix(12))")
                continue
            }
        }
    }

    @Test func `sizes beyond the limits are refused before anything is decoded`() {
        #expect(Self.refusal(Self.png(8192, 4050)) == nil)
        #expect(Self.refusal(Self.png(8192, 4051)) == .tooLarge(width: 8192, height: 4051))
        #expect(Self.refusal(Self.png(8193, 2000)) == .tooLarge(width: 8193, height: 2000))
        #expect(Self.refusal(Self.png(65_535, 65_535)) == .tooLarge(width: 65_535, height: 65_535))
        #expect(Self.refusal(Self.png(0xFFFF_FFFF, 0xFFFF_FFFF)) == .tooLarge(width: 0xFFFF_FFFF, height: 0xFFFF_FFFF))
        #expect(Self.refusal(Self.jpeg(65_535, 1000)) == .tooLarge(width: 65_535, height: 1000))
        #expect(
            Self.refusal(Self.webP([("VP8L", Self.lossless(16_384, 16_384))]))
                == .tooLarge(width: 16_384, height: 16_384))
        #expect(Self.refusal(Self.png(800, 100)) == nil)
        #expect(Self.refusal(Self.png(801, 100)) == .tooElongated(width: 801, height: 100))
        #expect(Self.refusal(Self.png(1, 9)) == .tooElongated(width: 1, height: 9))
    }

    @Test func `damaged headers are refused`() {
        var badChecksum = Self.png(300, 200)
        badChecksum[32] ^= 1
        for bytes in [
            badChecksum, Self.png(0, 200), Self.png(300, 0), Array(Self.png(300, 200).dropLast()), PNGHeader.signature,
        ] {
            #expect(Self.refusal(bytes) == .malformed(.png))
        }
        for bytes in [
            Self.jpeg(300, 0), Self.jpeg(0, 200), [0xFF, 0xD8, 0xFF], Self.jpeg(300, 200, marker: 0xDA),
            Array(Self.jpeg(300, 200).dropLast()),
            [0xFF, 0xD8, 0xFF, 0xE0, 0, 1], [0xFF, 0xD8, 0xFF, 0xD9],
            [0xFF, 0xD8] + [UInt8](repeating: 0xFF, count: 1000),
        ] {
            #expect(Self.refusal(bytes) == .malformed(.jpeg))
        }
        let picture = ("VP8L", Self.lossless(300, 200))
        for bytes in [
            Self.webP([]), Self.webP([("ALPH", [1, 2])]), Array(Self.webP([picture]).dropLast(2)),
            Self.webP([("VP8 ", [UInt8](repeating: 0, count: 10))]),
            Self.webP([("VP8X", Self.canvas(300, 200))]),
            // A small canvas around a large picture.
            Self.webP([("VP8X", Self.canvas(300, 200)), ("VP8L", Self.lossless(16_384, 16_384))]),
        ] {
            #expect(Self.refusal(bytes) == .malformed(.webp))
        }
    }

    @Test func `kinds that are not read are named`() {
        for (marker, kind) in [(0xC3, "lossless coding"), (0xC9, "arithmetic coding"), (0xC5, "a hierarchy")] {
            #expect(
                Self.refusal(Self.jpeg(300, 200, marker: UInt8(marker))) == .unsupported(.jpeg, kind: kind))
        }
        var deep = Self.jpeg(300, 200)
        deep[13] = 12
        #expect(Self.refusal(deep) == .unsupported(.jpeg, kind: "12 bits a sample"))
        let picture = ("VP8L", Self.lossless(300, 200))
        #expect(Self.refusal(Self.webP([("VP8X", Self.canvas(300, 200, flags: 2)), picture])) == .animated(.webp))
    }

    @Test func `no damaged header traps`() {
        var state: UInt64 = 11
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        let samples = [
            SamplePictures.png, SamplePictures.jpeg, SamplePictures.webP, SamplePictures.losslessWebP,
            Self.webP([("VP8X", Self.canvas(300, 200)), ("ALPH", [1]), ("VP8L", Self.lossless(300, 200))]),
            Self.jpeg(300, 200),
        ]
        var kinds: [String: Int] = [:]
        for number in 0..<60_000 {
            var bytes = samples[number % samples.count]
            for _ in 0..<1 + random(4) where !bytes.isEmpty {
                let at = random(min(bytes.count, 48))
                switch random(5) {
                case 0: bytes[at] ^= UInt8(1 << random(8))
                case 1: bytes[at] = UInt8(random(256))
                case 2: bytes[at] = random(2) == 0 ? 0 : 255
                case 3: bytes.removeSubrange(at..<min(bytes.count, at + 1 + random(8)))
                default: bytes.removeSubrange(at...)
                }
            }
            switch Self.refusal(bytes) {
            case nil: kinds["taken", default: 0] += 1
            case .unknownFormat: kinds["unknown", default: 0] += 1
            case .malformed(let format): kinds["malformed \(format)", default: 0] += 1
            case .unsupported: kinds["unsupported", default: 0] += 1
            case .animated: kinds["animated", default: 0] += 1
            case .tooLarge: kinds["large", default: 0] += 1
            case .tooElongated: kinds["elongated", default: 0] += 1
            }
        }
        #expect(kinds.count == 9, "\(kinds)")
    }
}

import TestTools
import Testing
import VideoTypes

@testable import Media

/// Picture files of every kind beside what Pillow makes of them.
@Suite(.bounded) struct PictureTests {
    /// Levels by which a sample may differ at most, and on average.
    ///
    /// libavcodec's inverse transform rounds otherwise than libjpeg's: each of a pixel's samples may be off by one.
    /// It mixes black into colours by itself, and makes small chroma whole beside it in a way of its own.
    private static func tolerance(_ name: String) -> (worst: Int, mean: Double) {
        switch name {
        case "ycck-420-foreign.jpg": (48, 4)
        case "ycck-foreign.jpg": (4, 1)
        case "cmyk.jpg": (3, 1)
        case _ where name.hasSuffix(".jpg"): (3, 0.1)
        default: (0, 0)
        }
    }

    @Test func `PNG and WebP are Pillow's to the bit, JPEG within three levels`() throws {
        let names = try PictureFixtures.names()
        #expect(names.count >= 50)
        for name in names {
            let found = try Picture(PictureFixtures.bytes(name)).frame
            let expected = try PictureFixtures.expected(name)
            guard found.width == expected.width, found.height == expected.height else {
                Issue.record("\(name): \(found.width)x\(found.height) instead of \(expected.width)x\(expected.height)")
                continue
            }
            let differences = zip(found.pixels, expected.pixels).map { abs(Int($0) - Int($1)) }
            let worst = differences.max() ?? 0
            let mean = Double(differences.reduce(0, +)) / Double(differences.count)
            let tolerance = Self.tolerance(name)
            #expect(worst <= tolerance.worst, "\(name): by \(worst) levels")
            #expect(mean <= tolerance.mean, "\(name): by \(mean) levels on average")
        }
    }

    @Test func `the format is found by content`() throws {
        for (name, format) in [("rgb8.png", .png), ("444.jpg", .jpeg), ("lossy.webp", .webp)]
            as [(String, ReferenceImage.Format)]
        {
            #expect(try Picture(PictureFixtures.bytes(name)).format == format)
        }
    }

    @Test func `every way to hold a camera gives the same picture`() throws {
        let upright = try Picture(PictureFixtures.bytes("420.jpg")).frame
        var turned: Set<Frame> = []
        for orientation in 1...8 {
            let frame = try Picture(PictureFixtures.bytes("turned\(orientation).jpg")).frame
            turned.insert(frame)
            #expect(frame.width == (orientation < 5 ? 23 : 17))
            if orientation == 1 { #expect(frame == upright) }
        }
        #expect(turned.count == 8)
    }

    @Test func `Exif that makes no sense leaves the picture as it is`() {
        let good: [UInt8] = Array("II*\0".utf8) + [8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]
        #expect(PictureTurn(exif: good[...]).orientation == 6)
        #expect(PictureTurn(exif: (Array("Exif\0\0".utf8) + good)[...]).orientation == 6)
        for length in 0..<good.count - 2 {
            #expect(PictureTurn(exif: good.prefix(length)).orientation == 1)
        }
        for value: UInt8 in [0, 9, 255] {
            var other = good
            other[18] = value
            #expect(PictureTurn(exif: other[...]).orientation == 1)
        }
        var far = good
        far[4...7] = [0xFF, 0xFF, 0xFF, 0xFF]
        #expect(PictureTurn(exif: far[...]).orientation == 1)
        #expect(PictureTurn(exif: nil).orientation == 1)
    }
}

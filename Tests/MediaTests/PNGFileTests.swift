import TestTools
import Testing
import VideoTypes

@testable import Media

/// What is written as PNG is read by others as it was.
@Suite(.bounded) struct PNGFileTests {
    @Test(arguments: [(1, 1), (3, 2), (104, 60), (255, 257)])
    func `a picture comes back`(width: Int, height: Int) throws {
        var value: UInt64 = 5
        let pixels = (0..<width * height * 3).map { _ -> UInt8 in
            value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(value >> 56)
        }
        let frame = Frame(width: width, height: height, pixels: pixels)
        let picture = try Picture(PNGFile.bytes(frame))
        #expect(picture.format == .png && picture.frame == frame)
    }
}

import TestTools
import Testing
import VideoTypes

@testable import Media

/// Pictures that must not be larger than somebody takes.
@Suite(.bounded) struct JPEGFileTests {
    private static let noise = SampleClips.noise(seed: 3, width: 256, height: 192)

    /// What each scale comes to.
    private static func sizes(_ frame: Frame) throws -> [Int] {
        try JPEGFile.scales.map { try JPEGEncoder.encode(frame, FFmpeg(), scale: $0).count }
    }

    @Test func `the best that fits is taken, and nothing where none does`() throws {
        let sizes = try Self.sizes(Self.noise)
        #expect(sizes == sizes.sorted(by: >) && Set(sizes).count == sizes.count, "\(sizes)")
        for (index, size) in sizes.enumerated() {
            #expect(try JPEGFile.bytes(Self.noise, atMost: size)?.count == size)
            let smaller = try JPEGFile.bytes(Self.noise, atMost: size - 1)
            #expect(smaller?.count == (index + 1 < sizes.count ? sizes[index + 1] : nil))
        }
        #expect(try JPEGFile.bytes(Self.noise, atMost: 0) == nil)
    }

    @Test(arguments: [(64, 36), (63, 37), (1, 1), (192, 108)])
    func `a picture looks like itself, at any size`(width: Int, height: Int) throws {
        let frame = SampleClips.disc(2, width: width, height: height)
        let picture = try Picture(#require(try JPEGFile.bytes(frame, atMost: 1 << 20)))
        #expect(picture.format == .jpeg && picture.frame.width == width && picture.frame.height == height)
        let decibels = SampleClips.peakSignalToNoise(picture.frame, frame)
        #expect(decibels > 32, "\(decibels) dB")
    }
}

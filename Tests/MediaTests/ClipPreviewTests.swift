import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import Media

/// Thumbnails and sheets of frames, decoded again.
@Suite(.bounded) struct ClipPreviewTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Frames of one colour each, which say which frame they are.
    private static func shade(_ index: Int, of count: Int) -> UInt8 {
        UInt8(20 + 215 * index / max(count - 1, 1))
    }

    private func clip(_ count: Int, width: Int = 64, height: Int = 64) throws -> String {
        let path = folder.file("clip.mp4")
        try SampleClips.write(
            (0..<count).map {
                let shade = Self.shade($0, of: count)
                return SampleClips.flat(shade, 255 - shade, 60, width: width, height: height)
            }, to: path)
        return path
    }

    private func decoded(_ jpeg: [UInt8]) throws -> Frame {
        let header = try ImageHeader(jpeg)
        #expect(header.format == .jpeg)
        let frame = try Picture(jpeg).frame
        #expect(frame.width == header.width && frame.height == header.height)
        return frame
    }

    private static func differs(_ frame: Frame, x: Int, y: Int, from shade: UInt8) -> Bool {
        let at = (y * frame.width + x) * 3
        return zip(frame.pixels[at..<at + 3], [shade, 255 - shade, 60]).contains { abs(Int($0) - Int($1)) > 6 }
    }

    @Test(arguments: [(1, 0), (2, 1), (17, 8), (30, 15)])
    func `a thumbnail is the frame in the middle, in its colours`(count: Int, middle: Int) throws {
        let thumbnail = try ClipThumbnail(ofClip: clip(count))
        #expect(thumbnail.width == 64 && thumbnail.height == 64)
        let frame = try decoded(thumbnail.jpeg)
        #expect(frame.width == 64 && frame.height == 64)
        for (x, y) in [(0, 0), (63, 63), (32, 10)] {
            #expect(!Self.differs(frame, x: x, y: y, from: Self.shade(middle, of: count)))
        }
    }

    @Test(arguments: [(1280, 720, 512, 288), (720, 1280, 288, 512), (832, 480, 512, 295), (600, 96, 512, 82)])
    func `a large clip's thumbnail is small and keeps its proportions`(
        width: Int, height: Int, smallWidth: Int, smallHeight: Int
    ) throws {
        let thumbnail = try ClipThumbnail(ofClip: clip(1, width: width, height: height))
        let frame = try decoded(thumbnail.jpeg)
        #expect(frame.width == smallWidth && frame.height == smallHeight)
        #expect(!Self.differs(frame, x: smallWidth - 1, y: smallHeight - 1, from: Self.shade(0, of: 1)))
    }

    @Test func `a thumbnail looks like the clip`() throws {
        let path = folder.file("clip.mp4")
        let frames = (0..<9).map { SampleClips.disc($0, width: 96, height: 96) }
        try SampleClips.write(frames, to: path)
        let decibels = SampleClips.peakSignalToNoise(try decoded(ClipThumbnail(ofClip: path).jpeg), frames[4])
        #expect(decibels > 32, "\(decibels) dB")
    }

    @Test(arguments: [
        (1, 1, 1), (2, 2, 1), (3, 2, 2), (5, 3, 2), (17, 5, 4), (25, 5, 5), (26, 5, 5), (81, 5, 5),
    ])
    func `a sheet shows frames from the first to the last, in order`(count: Int, columns: Int, rows: Int) throws {
        let sheet = try ClipSpritesheet(ofClip: clip(count))
        #expect(sheet.columns == columns && sheet.rows == rows)
        #expect(sheet.frames.first == 0 && sheet.frames.last == count - 1)
        #expect(sheet.frames.count == min(count, 25))
        let frame = try decoded(sheet.jpeg)
        #expect(frame.width == columns * 64 && frame.height == rows * 64)
        for (cell, index) in sheet.frames.enumerated() {
            let (x, y) = (cell % columns * 64 + 32, cell / columns * 64 + 32)
            #expect(!Self.differs(frame, x: x, y: y, from: Self.shade(index, of: count)), "cell \(cell)")
        }
    }

    @Test func `a large clip's cells are small`() throws {
        let sheet = try ClipSpritesheet(ofClip: clip(4, width: 480, height: 832))
        #expect(sheet.cellWidth == 111 && sheet.cellHeight == 192)
        let frame = try decoded(sheet.jpeg)
        #expect(frame.width == 222 && frame.height == 384)
    }

    @Test func `spread indices rise, begin with 0 and end with the last`() {
        for count in [0, 1, 2, 24, 25, 26, 81, 1000, Int(UInt32.max)] {
            let indices = ClipSpritesheet.spread(over: count)
            #expect(indices.first == 0 && indices.last == max(count - 1, 0))
            #expect(zip(indices, indices.dropFirst()).allSatisfy { $0 < $1 })
        }
    }

    @Test func `what is no clip is an error`() throws {
        let path = folder.file("clip.mp4")
        for bytes in [[], Array("not a clip".utf8), Array(SamplePictures.png.prefix(40))] as [[UInt8]] {
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            #expect(throws: MediaError.self) { try ClipThumbnail(ofClip: path) }
            #expect(throws: MediaError.self) { try ClipSpritesheet(ofClip: path) }
        }
        #expect(throws: MediaError.self) { try ClipThumbnail(ofClip: folder.file("missing.mp4")) }
    }

    @Test func `a cut clip is an error or a picture, never a trap`() throws {
        let whole = try Data(contentsOf: URL(fileURLWithPath: clip(17)))
        let path = folder.file("cut.mp4")
        for count in stride(from: 0, to: whole.count, by: max(1, whole.count / 40)) {
            try whole.prefix(count).write(to: URL(fileURLWithPath: path))
            if let thumbnail = try? ClipThumbnail(ofClip: path) { #expect(try ImageHeader(thumbnail.jpeg).width == 64) }
            _ = try? ClipSpritesheet(ofClip: path)
        }
    }
}

import Pictures
import TestSupport
import TestTools
import Testing
import VideoTypes

/// Against Pillow, Diffusers and transformers: pixels to the bit, numbers within 1e-6.
@Suite(.bounded) struct PictureGoldenTests {
    private let golden: GoldenFile

    init() throws { golden = try GoldenFile(Fixture.path("resampling.safetensors")) }

    private func frame(_ name: String) throws -> Frame {
        let shape = try golden.shape(name)
        return Frame(width: shape[1], height: shape[0], pixels: try golden.floats(name).map { UInt8($0) })
    }

    /// The words of a tensor's name after the first; the last is a size.
    private static func parts(_ name: String) throws -> (words: [String], width: Int, height: Int) {
        let words = name.split(separator: ".").dropFirst().map(String.init)
        let sides = try #require(words.last).split(separator: "x").compactMap { Int($0) }
        try #require(sides.count == 2)
        return (words, sides[0], sides[1])
    }

    private func names(_ kind: String) -> [String] { golden.names.filter { $0.hasPrefix(kind + ".") } }

    private func expectClose(_ planes: PicturePlanes, _ name: String) throws {
        #expect(try golden.shape(name) == [3, planes.height, planes.width])
        let expected = try golden.floats(name)
        let worst = zip(planes.values, expected).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst <= 1e-6, "\(name): \(worst)")
    }

    @Test func `every filter gives Pillow's pixels`() throws {
        let names = names("resized")
        #expect(names.count >= 100)
        for name in names {
            let (words, width, height) = try Self.parts(name)
            let filter = try #require(ResamplingFilter(rawValue: words[1]))
            let found = try frame("source." + words[0]).resized(width: width, height: height, by: filter)
            #expect(found == (try frame(name)), "\(name)")
        }
    }

    @Test func `covering gives Diffusers' pixels`() throws {
        let names = names("covering")
        #expect(names.count >= 20)
        for name in names {
            let (words, width, height) = try Self.parts(name)
            let found = try frame("source." + words[0]).covering(width: width, height: height, by: .lanczos)
            #expect(found == (try frame(name)), "\(name)")
        }
    }

    @Test func `a clip's picture is read as by Diffusers' VideoProcessor`() throws {
        let names = names("video")
        #expect(names.count >= 8)
        for name in names {
            let (words, width, height) = try Self.parts(name)
            let frame = try frame("source." + words[0])
            try expectClose(PicturePlanes(ofClip: frame, width: width, height: height), name)
        }
    }

    @Test func `CLIP's picture is read as by transformers`() throws {
        let names = names("clip")
        #expect(names.count >= 20)
        for name in names {
            let (words, width, height) = try Self.parts(name)
            var preprocessing = CLIPPreprocessing()
            preprocessing.shortestEdge = try #require(Int(words[1]))
            preprocessing.cropWidth = width
            preprocessing.cropHeight = height
            try expectClose(preprocessing.planes(of: frame("source." + words[0])), name)
        }
    }

    @Test func `a clip is shaped as its picture`() throws {
        let names = names("size")
        #expect(names.count >= 20)
        for name in names {
            let words = name.split(separator: ".")
            let sides = words[1].split(separator: "x").compactMap { Int($0) }
            let (area, multiple) = (try #require(Int(words[2])), try #require(Int(words[3])))
            let frame = Frame(
                width: sides[0], height: sides[1], pixels: [UInt8](repeating: 0, count: sides[0] * sides[1] * 3))
            let size = PictureSize(shapedAs: frame, area: area, multiple: multiple)
            #expect(try golden.integers(name) == [Int64(size.width), Int64(size.height)], "\(name)")
        }
    }

    @Test func `a picture that needs nothing stays as it is`() throws {
        let frame = try frame("source.0")
        for filter in ResamplingFilter.allCases {
            #expect(frame.resized(width: frame.width, height: frame.height, by: filter) == frame)
        }
        #expect(frame.covering(width: frame.width, height: frame.height, by: .lanczos) == frame)
    }

    @Test func `a narrow picture's clip has a side of one multiple at least`() {
        let frame = Frame(width: 1, height: 8, pixels: [UInt8](repeating: 0, count: 24))
        #expect(PictureSize(shapedAs: frame, area: 64, multiple: 16).width == 16)
    }
}

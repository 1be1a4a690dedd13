import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import Media

@Suite(.bounded) struct MP4WriterTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: [(1, 16), (2, 24), (17, 16), (81, 8), (48, 240), (30, 1)])
    func `count, size, rate and duration are read back as written`(frames: Int, framesPerSecond: Int) throws {
        let path = folder.file("clip.mp4")
        try SampleClips.write((0..<frames).map { SampleClips.disc($0) }, to: path, framesPerSecond: framesPerSecond)
        let facts = try MP4Reader(path: path).facts()
        #expect(facts.frames == frames)
        #expect(facts.width == 64 && facts.height == 64)
        #expect(facts.frameRate == "\(framesPerSecond)/1")
        #expect(facts.durationSeconds == Double(frames) / Double(framesPerSecond))
        #expect(try folder.names == ["clip.mp4"])
    }

    @Test func `decoded frames look like the frames written, in order`() throws {
        let frames = (0..<17).map { SampleClips.disc($0) }
        let path = folder.file("clip.mp4")
        try SampleClips.write(frames, to: path)
        let decoded = try SampleClips.read(path)
        #expect(decoded.count == 17)
        for (index, (written, found)) in zip(frames, decoded).enumerated() {
            let decibels = SampleClips.peakSignalToNoise(written, found)
            #expect(decibels > 36, "frame \(index): \(decibels) dB")
        }
    }

    @Test(arguments: [
        (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 255, 255), (0, 0, 0), (128, 128, 128),
        (37, 99, 201),
    ])
    func `a flat colour comes back as that colour`(red: UInt8, green: UInt8, blue: UInt8) throws {
        let path = folder.file("clip.mp4")
        try SampleClips.write([SampleClips.flat(red, green, blue)], to: path)
        let pixels = try #require(SampleClips.read(path).first).pixels
        for (index, value) in pixels.enumerated() {
            let wanted = [red, green, blue][index % 3]
            guard abs(Int(value) - Int(wanted)) > 3 else { continue }
            Issue.record("byte \(index) is \(value), not \(wanted)")
            break
        }
    }

    @Test(arguments: [(63, 64), (64, 63), (65, 33), (1, 1), (2, 1)])
    func `odd sizes are padded to even ones by their last row and column`(width: Int, height: Int) throws {
        let path = folder.file("clip.mp4")
        try SampleClips.write([SampleClips.flat(200, 120, 40, width: width, height: height)], to: path)
        let frame = try #require(SampleClips.read(path).first)
        #expect(frame.width == width + width % 2 && frame.height == height + height % 2)
        let colour = [200, 120, 40]
        #expect(frame.pixels.enumerated().allSatisfy { abs(Int($0.element) - colour[$0.offset % 3]) <= 4 })
    }

    @Test func `padding repeats the edge`() {
        let frame = Frame(width: 1, height: 2, pixels: [1, 2, 3, 4, 5, 6])
        #expect(PaddedSize(width: 1, height: 2).padded(frame) == [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6])
        let wide = Frame(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6])
        #expect(PaddedSize(width: 2, height: 1).padded(wide) == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6])
    }

    @Test func `the index stands before the pictures`() throws {
        let path = folder.file("clip.mp4")
        try SampleClips.write((0..<5).map { SampleClips.disc($0) }, to: path)
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let index = try #require(data.range(of: Data("moov".utf8)))
        let pictures = try #require(data.range(of: Data("mdat".utf8)))
        #expect(index.lowerBound < pictures.lowerBound)
    }

    @Test func `the same frames make the same file`() throws {
        let frames = (0..<9).map { SampleClips.disc($0) }
        try SampleClips.write(frames, to: folder.file("a.mp4"))
        try SampleClips.write(frames, to: folder.file("b.mp4"))
        #expect(FileManager.default.contentsEqual(atPath: folder.file("a.mp4"), andPath: folder.file("b.mp4")))
    }

    @Test func `prompt, seed and settings come back from the metadata`() throws {
        // A title goes to terminals; the comment is JSON.
        let prompt = "a \"red\" circle\n→ 右へ 🟥 👩‍🚀 \\ \u{1B}[31m\u{9B}2J\u{202E}\u{7F}\u{1}"
        let settings = VideoSettings(
            prompts: Prompts(positive: prompt),
            clip: ClipShape(width: 64, height: 64, frames: 1, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .unipc, levels: .sigmas([1, 0.5]), shift: 5, guidance: [3], seed: .max))
        let metadata = ClipMetadata(settings: settings, model: "built-in", backend: "cpu", dtype: "f32")
        let path = folder.file("clip.mp4")
        let writer = try MP4Writer(path: path, width: 64, height: 64, framesPerSecond: 16, metadata: metadata)
        try writer.append(SampleClips.disc(0))
        #expect(try writer.finish() == (try Data(contentsOf: URL(fileURLWithPath: path)).count))
        let comment = try #require(try MP4Reader(path: path).metadata("comment"))
        let read = try #require(
            try JSONSerialization.jsonObject(with: Data(comment.utf8)) as? [String: Any])
        #expect(read["prompt"] as? String == prompt)
        #expect(read["seed"] as? UInt64 == .max)
        #expect(read["model"] as? String == "built-in")
        #expect(read["sigmas"] as? [Double] == [1, 0.5])
        #expect(try MP4Reader(path: path).metadata("title") == "a \"red\" circle → 右へ 🟥 👩‍🚀 \\ [31m2J")
        #expect(comment.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
    }

    @Test(.needs("ffprobe"))
    func `ffprobe sees H.264, BT.709 limited range and the exact rate`() throws {
        let path = folder.file("clip.mp4")
        try SampleClips.write((0..<17).map { SampleClips.disc($0) }, to: path)
        let fields = [
            "codec_name", "width", "height", "pix_fmt", "color_range", "color_space", "color_transfer",
            "color_primaries", "chroma_location", "r_frame_rate", "avg_frame_rate", "duration", "nb_read_frames",
        ]
        let probe = try Subprocess(
            #require(Subprocess.find("ffprobe")),
            [
                "-v", "error", "-count_frames", "-of", "default=noprint_wrappers=1", "-show_entries",
                "stream=" + fields.joined(separator: ","), path,
            ])
        #expect(probe.status == 0 && probe.errors.isEmpty)
        let found = Dictionary(
            probe.output.split(separator: "\n").map { line in
                let parts = line.split(separator: "=", maxSplits: 1)
                return (String(parts[0]), String(parts.last ?? ""))
            }, uniquingKeysWith: { $1 })
        #expect(
            found == [
                "codec_name": "h264", "width": "64", "height": "64", "pix_fmt": "yuv420p", "color_range": "tv",
                "color_space": "bt709", "color_transfer": "bt709", "color_primaries": "bt709",
                "chroma_location": "left", "r_frame_rate": "16/1", "avg_frame_rate": "16/1",
                "duration": "1.062500", "nb_read_frames": "17",
            ])
    }
}

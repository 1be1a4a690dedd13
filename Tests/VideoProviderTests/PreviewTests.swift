import ComputeCPU
import FoundationEssentials
import Pipelines
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// Sketches of a clip in the making look like the clip.
@Suite(.bounded) struct PreviewTests {
    @Test func `the last sketch has the colours of the clip, and an early one those of its ground`() throws {
        let folder = try TemporaryFolder()
        let engine = try VideoEngine(EngineOptions(), backend: CPUBackend(threads: 2))
        for (prompt, seed) in [("a red ball on a blue background", 1), ("a white square moving up", 2)] {
            var request = VideoRequest(prompt: prompt)
            request.seed = UInt64(seed)
            var sketches: [Frame] = []
            let viewer = LatentViewer(everySteps: 5) { sketches.append($0) }
            let path = folder.file("\(seed).mp4")
            _ = try engine.generate(request, to: path, keeping: ClipKeeping(viewer: viewer)) { _ in true }
            // Of 16 steps: 5, 10, 15 and the last.
            #expect(sketches.count == 4)
            let frames = try engine.frames(request)
            let last = try #require(sketches.last)
            #expect(last.width == 12 && last.height == 12)
            // The middle latent frame stands for four frames.
            let expected = Self.averaged(frames[frames.count / 2 - 3...frames.count / 2], width: 12, height: 12)
            #expect(Self.correlation(last, expected) > 0.9, "\(Self.correlation(last, expected))")
            #expect(Self.correlation(sketches[0], expected) > 0.5, "\(Self.correlation(sketches[0], expected))")
        }
    }

    @Test func `who looks changes nothing`() throws {
        let engine = try VideoEngine(EngineOptions(), backend: CPUBackend(threads: 2))
        var request = VideoRequest(prompt: "a green star")
        (request.seed, request.steps) = (3, 4)
        let folder = try TemporaryFolder()
        let plain = try engine.generate(request, to: folder.file("a.mp4")) { _ in true }
        var seen = 0
        let viewer = LatentViewer(everySteps: 1) { _ in seen += 1 }
        let watched = try engine.generate(
            request, to: folder.file("b.mp4"), keeping: ClipKeeping(viewer: viewer)
        ) { _ in true }
        #expect(seen == 4 && plain.fileBytes == watched.fileBytes)
        func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: folder.file(name))) }
        #expect(try bytes("a.mp4") == bytes("b.mp4"))
    }

    @Test func `pictures keep their distance, but for the last`() throws {
        let folder = try TemporaryFolder()
        let engine = try VideoEngine(EngineOptions(), backend: CPUBackend(threads: 2))
        var request = VideoRequest(prompt: "a green star")
        (request.seed, request.steps, request.frames) = (3, 6, 5)
        var seen = 0
        let viewer = LatentViewer(everySteps: 2, seconds: 3600) { _ in seen += 1 }
        _ = try engine.generate(request, to: folder.file("a.mp4"), keeping: ClipKeeping(viewer: viewer)) { _ in true }
        #expect(seen == 2)
    }

    @Test func `a model whose colours nobody knows is refused a preview`() throws {
        let engine = try VideoEngine(
            EngineOptions(model: .folder(Fixture.model("cogvideox-2b"))), backend: CPUBackend(threads: 1))
        let viewer = LatentViewer(everySteps: 1) { _ in }
        let error = #expect(throws: VideoError.self) {
            try engine.generate(
                VideoRequest(prompt: "x"), to: "/tmp/none.mp4", keeping: ClipKeeping(viewer: viewer)
            ) { _ in true }
        }
        #expect(error?.message.contains("what colours the latents") == true)
    }

    /// Frames made one small one by averages.
    private static func averaged(_ frames: ArraySlice<Frame>, width: Int, height: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: width * height * 3)
        for frame in frames {
            let (stepX, stepY) = (frame.width / width, frame.height / height)
            for y in 0..<height * stepY {
                for x in 0..<width * stepX {
                    for colour in 0..<3 {
                        sums[(y / stepY * width + x / stepX) * 3 + colour] +=
                            Double(frame.pixels[(y * frame.width + x) * 3 + colour])
                    }
                }
            }
        }
        return sums
    }

    private static func correlation(_ frame: Frame, _ other: [Double]) -> Double {
        let values = frame.pixels.map(Double.init)
        let count = Double(values.count)
        let (a, b) = (values.reduce(0, +) / count, other.reduce(0, +) / count)
        var (product, left, right) = (0.0, 0.0, 0.0)
        for (x, y) in zip(values, other) {
            product += (x - a) * (y - b)
            left += (x - a) * (x - a)
            right += (y - b) * (y - b)
        }
        return product / (left * right).squareRoot()
    }
}

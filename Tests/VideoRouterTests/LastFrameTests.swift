import Media
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// The last frame of a clip, in a form that whoever goes on from it takes.
@Suite(.bounded) struct LastFrameTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Two frames of noise, which hardly any code makes small.
    private func clip(_ width: Int, _ height: Int) throws -> String {
        let settings = VideoSettings(
            prompts: Prompts(positive: ""),
            clip: ClipShape(width: width, height: height, frames: 2, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .euler, levels: .steps(1), shift: 1, guidance: [1], seed: 1))
        let writer = try MP4Writer(
            path: folder.file("clip.mp4"), width: width, height: height, framesPerSecond: 16,
            metadata: ClipMetadata(settings: settings, model: "", backend: "", dtype: ""))
        for index in 0..<2 {
            var random = SplitMix(state: UInt64(index))
            let pixels = (0..<width * height * 3).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            try writer.append(Frame(width: width, height: height, pixels: pixels))
        }
        _ = try writer.finish()
        return folder.file("clip.mp4")
    }

    private func plan(_ cloud: any Cloud, _ model: String, _ picture: ReferenceImage) throws -> CloudOrderPlan {
        var request = VideoRequest(prompt: "on it goes")
        request.continues = "before"
        return CloudOrderPlan(
            request, try #require(cloud.model(model)), cloud: cloud.name, day: nil, former: .lastFrame(picture))
    }

    @Test func `a frame that is too large as PNG goes as JPEG, within the cloud's own limit`() async throws {
        let path = try clip(1920, 1080)
        let frames = LastFrames()
        let runway = try #require(RunwayCloud().model("gen4.5")?.pictures)
        let picture = try #require(await frames.picture(path, for: runway))
        #expect(picture.format == .jpeg && picture.bytes.count <= runway.maxBytes)
        // What the cloud counts is the data URI.
        #expect(picture.dataURI.utf8.count <= 5 << 20)
        let order = try plan(RunwayCloud(), "gen4.5", picture)
        #expect(order.obstacles == [] && order.order?.first == picture)
        // Who takes more gets it without loss: 6.2 MB.
        let kling = try #require(FalCloud().model("kling-v3-pro")?.pictures)
        let whole = try #require(await frames.picture(path, for: kling))
        #expect(whole.format == .png && whole.bytes.count > runway.maxBytes)
        #expect(try plan(RunwayCloud(), "gen4.5", whole).obstacles.map(\.parameter) == ["reference_images"])
        let (small, large) = (try Picture(picture.bytes).frame, try Picture(whole.bytes).frame)
        #expect(small.width == 1920 && small.height == 1080 && large.width == 1920)
        // It is made once.
        #expect(await frames.picture(path, for: runway) == picture)
    }

    @Test func `a small frame goes without loss, and what never fits is refused for its size`() async throws {
        let path = try clip(64, 36)
        let frames = LastFrames()
        var limits = try #require(RunwayCloud().model("gen4.5")?.pictures)
        #expect(await frames.picture(path, for: limits)?.format == .png)
        limits.maxBytes = 4000
        let jpeg = try #require(await frames.picture(path, for: limits))
        #expect(jpeg.format == .jpeg && jpeg.bytes.count <= 4000)
        limits.maxBytes = 10
        #expect(await frames.picture(path, for: limits)?.format == .png)
        limits.formats = [.png]
        #expect(await frames.picture(path, for: limits)?.format == .png)
        #expect(await frames.picture(folder.file("none.mp4"), for: limits) == nil)
    }
}

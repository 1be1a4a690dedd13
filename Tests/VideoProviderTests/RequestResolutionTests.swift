import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// What requests in words come to on a model.
@Suite(.bounded) struct RequestResolutionTests {
    /// 832 x 480, 81 frames at 16 a second, 50 steps, sizes in multiples of 16, frames 4k + 1.
    private static let planner = Result {
        try VideoPlanner(
            .folder(Fixture.path("wan21-t2v/model").replacing("VideoProviderTests", with: "PipelinesTests")))
    }

    private static func settings(_ change: (inout VideoRequest) -> Void) throws -> VideoSettings {
        var request = VideoRequest(prompt: "a bird")
        change(&request)
        return try planner.get().settings(for: request)
    }

    private static func error(_ change: (inout VideoRequest) -> Void) -> VideoError? {
        #expect(throws: VideoError.self) { try settings(change) }
    }

    @Test func `what is left out is the model's own, but for the seed`() throws {
        let settings = try Self.settings { _ in }
        #expect(settings.clip == ClipShape(width: 832, height: 480, frames: 81, framesPerSecond: 16))
        #expect(settings.sampling.steps == 50)
        #expect(settings.sampling.seed <= UInt64(UInt32.max))
        let seeds = try (0..<8).map { _ in try Self.settings { _ in }.sampling.seed }
        #expect(Set(seeds).count > 1)
        #expect(try Self.settings { $0.seed = 7 }.sampling.seed == 7)
    }

    @Test(
        arguments: [
            (5.0, nil, 81), (4, nil, 65), (0.01, nil, 1), (1, 24, 25), (8, 24, 193), (1, 16, 17), (0.14, 20, 1),
            (0.2, 20, 5), (0.99, 16, 17), (0.8, 16, 13),
        ] as [(Double, Int?, Int)])
    func `a duration is the nearest number of frames`(seconds: Double, fps: Int?, frames: Int) throws {
        let settings = try Self.settings { ($0.durationSeconds, $0.framesPerSecond) = (seconds, fps) }
        #expect(settings.clip.frames == frames)
        #expect(settings.clip.framesPerSecond == fps ?? 16)
    }

    @Test func `a duration and frames must agree`() throws {
        #expect(try Self.settings { ($0.durationSeconds, $0.frames) = (5, 81) }.clip.frames == 81)
        let found = Self.error { ($0.durationSeconds, $0.frames) = (5, 77) }
        #expect(found?.message == "5.0 s at 16 frames a second are 81 frames, but frames is 77")
        // No shorter than 46.4 frames.
        #expect(try Self.settings { $0.durationSeconds = 2.9 }.clip.frames == 45)
        #expect(try Self.settings { ($0.durationSeconds, $0.durationRule) = (2.9, .atLeast) }.clip.frames == 49)
        #expect(try Self.settings { ($0.durationSeconds, $0.durationRule) = (5, .atLeast) }.clip.frames == 81)
        for change: @Sendable (inout VideoRequest) -> Void in [
            { $0.shots = [Shot("x", durationSeconds: 5)] }, { $0.cast = ["anna"] }, { $0.continues = "x" },
        ] { #expect(Self.error(change)?.hint?.hasPrefix("leave ") == true) }
        #expect(Self.error { $0.durationSeconds = 3600 }?.hint?.hasPrefix("ask for at most ") == true)
    }

    @Test(
        arguments: [
            ("480p", nil, 832, 480), ("480p", "16:9", 832, 480), ("480p", "9:16", 480, 832), ("480p", "1:1", 480, 480),
            ("720p", "16:9", 1280, 720), ("720p", "9:16", 720, 1280), ("360p", "4:3", 480, 368),
            (nil, "16:9", 832, 480),
            (nil, "9:16", 480, 832), (nil, "1:1", 624, 624), ("16p", "8:1", 128, 16), ("1080p", "16:9", 1920, 1088),
        ] as [(String?, String?, Int, Int)])
    func `a resolution and an aspect ratio are the nearest size`(
        resolution: String?, ratio: String?, width: Int, height: Int
    ) throws {
        let settings = try Self.settings {
            $0.resolution = resolution.flatMap { Resolution($0) }
            $0.aspectRatio = ratio.flatMap { AspectRatio($0) }
        }
        #expect((settings.clip.width, settings.clip.height) == (width, height))
    }

    @Test func `an exact size goes before words`() throws {
        let settings = try Self.settings {
            ($0.width, $0.height) = (64, 32)
            ($0.resolution, $0.aspectRatio) = (.p720, .square)
        }
        #expect((settings.clip.width, settings.clip.height) == (64, 32))
        #expect(try Self.settings { $0.width = 64 }.clip.height == 480)
        let found = Self.error { ($0.width, $0.resolution) = (64, .p480) }
        #expect(found?.message == "width with resolution or aspectRatio leaves height open")
        #expect(Self.error { ($0.height, $0.aspectRatio) = (64, .square) }?.code == .invalidRequest)
    }

    @Test func `a wrong size is answered with the sizes around it`() {
        let found = Self.error { ($0.width, $0.height) = (100, 50) }
        #expect(found?.message == "width must be a multiple of 16 for this model, got 100")
        #expect(found?.hint == "use 96 x 48 or 96 x 64 or 112 x 48 or 112 x 64")
        #expect(Self.error { ($0.width, $0.height) = (7, 64) }?.hint == "use 16 x 64")
    }

    @Test func `quality is a share of the model's steps`() throws {
        #expect(try Self.settings { $0.quality = .draft }.sampling.steps == 25)
        #expect(try Self.settings { $0.quality = .premium }.sampling.steps == 75)
        #expect(try Self.settings { ($0.quality, $0.steps) = (.premium, 3) }.sampling.steps == 3)
        #expect(try Self.settings { ($0.quality, $0.sigmas) = (.draft, [1, 0.5]) }.sampling.steps == 2)
    }

    @Test func `sound and pictures are refused in words`() {
        #expect(Self.error { $0.wantsAudio = true }?.message.hasSuffix("makes no sound") == true)
        let image = ReferenceImage(bytes: [1], format: .png)
        #expect(Self.error { $0.referenceImages = [image] }?.message.contains("takes no reference images") == true)
        #expect(
            Self.error { $0.guidanceScale2 = 3 }?.message.hasPrefix("guidanceScale2 is for models with two") == true)
    }

    @Test func `what does not fit into memory is refused with what would`() throws {
        var request = VideoRequest(prompt: "a bird")
        request.frames = 81
        let planner = try Self.planner.get()
        let plan = try planner.plan(for: request)
        let need = try #require(plan.work.peakBytes.values.max())
        func facts(_ bytes: Int) -> EngineFacts {
            EngineFacts(model: "x", backend: "cpu", dtype: "bf16", memoryBytes: bytes)
        }
        #expect(try planner.plan(for: request, on: facts(need)).work == plan.work)
        let found = #expect(throws: VideoError.self) { try planner.plan(for: request, on: facts(need - 1)) }
        #expect(found?.code == .outOfMemory)
        #expect(found?.hint?.isEmpty == false)
    }

    @Test func `the limits are those of the model`() throws {
        let limits = try Self.planner.get().limits
        #expect((limits.sizeStep, limits.frameStep) == (16, 4))
        #expect(!limits.makesAudio && limits.maxReferenceImages == 0)
        let longest = try Self.settings { $0.durationSeconds = limits.maxDurationSeconds }
        #expect(longest.clip.durationSeconds == limits.maxDurationSeconds)
    }

    @Test func `one planner answers many threads at once`() async throws {
        let planner = try Self.planner.get()
        var request = VideoRequest(prompt: "a bird")
        request.seed = 1
        let expected = try planner.plan(for: request)
        let asked = request
        let found = try await withThrowingTaskGroup(of: ClipPlan.self) { group in
            for _ in 0..<16 { group.addTask { try planner.plan(for: asked) } }
            return try await group.reduce(into: [ClipPlan]()) { $0.append($1) }
        }
        #expect(found == Array(repeating: expected, count: 16))
    }
}

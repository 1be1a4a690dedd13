import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// What a model makes of a request, and what it does not.
@Suite(.bounded) struct CloudOrderTests {
    private func plan(
        _ cloud: any Cloud, _ model: String, day: Int? = nil, _ change: (inout VideoRequest) -> Void = { _ in }
    ) throws -> CloudOrderPlan {
        var request = VideoRequest(prompt: "a red ball")
        change(&request)
        return CloudOrderPlan(request, try #require(cloud.model(model)), cloud: cloud.name, day: day)
    }

    private let picture = ReferenceImage(bytes: [1, 2, 3], format: .png)

    @Test func `words become the model's own sizes and lengths`() throws {
        let order = try #require(
            try plan(MiniMaxCloud(), "MiniMax-Hailuo-2.3") {
                ($0.durationSeconds, $0.resolution) = (6, .init(shorterSide: 768))
            }
            .order)
        #expect(order.size == .init(width: 1366, height: 768) && order.seconds == 6 && !order.hasSound)
        let exact = try plan(RunwayCloud(), "gen4.5") { ($0.width, $0.height) = (720, 1280) }
        #expect(exact.order?.ratio == .portrait && exact.order?.seconds == 5)
        let frames = try plan(RunwayCloud(), "gen4.5") { ($0.frames, $0.framesPerSecond) = (72, 24) }
        #expect(frames.order?.seconds == 3)
    }

    private static let unfit: [(String, @Sendable (inout VideoRequest) -> Void)] = [
        ("duration", { $0.durationSeconds = 7 }), ("duration", { $0.durationSeconds = 5.5 }),
        ("duration", { $0.durationSeconds = .nan }), ("duration", { $0.durationSeconds = -1 }),
        ("duration", { ($0.durationSeconds, $0.resolution) = (6, .p1080) }),
        ("resolution", { $0.resolution = .p480 }), ("aspect_ratio", { $0.aspectRatio = .square }),
        ("size", { ($0.width, $0.height) = (1000, 1000) }), ("size", { $0.width = 1280 }),
        ("seed", { $0.seed = 1 }), ("num_inference_steps", { $0.steps = 20 }),
        ("guidance_scale", { $0.guidanceScale = 5 }), ("scheduler", { $0.scheduler = .euler }),
        ("sigmas", { $0.sigmas = [1, 0.5] }), ("fps", { $0.framesPerSecond = 24 }), ("num_frames", { $0.frames = 96 }),
        ("prompt", { $0.prompt = String(repeating: "x", count: 4001) }), ("prompt", { $0.prompt = "" }),
        ("attention", { $0.attention = .factorized }), ("guidance_schedule", { $0.guidanceSchedule = .dynamic }),
        ("lora", { $0.adapters = [AdapterChoice("style", strength: 0.8)] }),
        ("extras", { $0.extras = ["sampleCount": 2] }),
        ("extras", { $0.extras = ["gemini": .object([("sampleCount", 2)])] }),
        ("extras", { $0.extras = ["gemini": .object([("durationSeconds", 8)])] }),
        ("extras", { $0.extras = ["gemini": 1] }),
    ]

    @Test(arguments: unfit)
    func `what the model would not do as asked is an obstacle`(
        _ parameter: String, _ change: @Sendable (inout VideoRequest) -> Void
    ) throws {
        let found = try plan(GeminiCloud(), "veo-3.1-fast-generate-preview", change)
        #expect(found.order == nil && found.obstacles.map(\.parameter) == [parameter])
    }

    @Test func `pictures have roles, and each model takes its own`() throws {
        let last = ReferenceImage(bytes: [1], format: .png, role: .last)
        let webp = ReferenceImage(bytes: [1], format: .webp)
        let large = ReferenceImage(bytes: Array(repeating: 0, count: 5 << 20), format: .png)
        func parameters(_ cloud: any Cloud, _ model: String, _ pictures: [ReferenceImage]) throws -> [String?] {
            try plan(cloud, model) { $0.referenceImages = pictures }.obstacles.map(\.parameter)
        }
        #expect(try parameters(RunwayCloud(), "gen4_turbo", []) == ["reference_images"])
        #expect(try parameters(RunwayCloud(), "gen4_turbo", [picture]) == [])
        #expect(try parameters(RunwayCloud(), "gen4_turbo", [large]) == ["reference_images"])
        #expect(try parameters(RunwayCloud(), "gen4.5", [picture, last]) == ["reference_images"])
        #expect(try parameters(FalCloud(), "kling-v3-pro", [picture, last]) == [])
        #expect(try parameters(FalCloud(), "kling-v3-pro", [last]) == ["reference_images"])
        #expect(try parameters(KlingCloud(), "kling-3.0", [webp]) == ["reference_images"])
        #expect(try parameters(LumaCloud(), "ray-2", [picture]) == ["reference_images"])
        let shown = ReferenceImage(bytes: [1], format: .png, role: .reference)
        #expect(try parameters(MiniMaxCloud(), "MiniMax-H3", Array(repeating: shown, count: 9)) == [])
        #expect(try parameters(MiniMaxCloud(), "MiniMax-H3", [shown, picture]) == ["reference_images"])
        let veo = VertexCloud(project: "p", location: "l")
        #expect(try parameters(veo, "veo-3.1-generate-001", [shown, shown, shown]) == [])
        #expect(try parameters(veo, "veo-3.1-generate-001", Array(repeating: shown, count: 4)) == ["reference_images"])
        let short = try plan(veo, "veo-3.1-generate-001") { ($0.referenceImages, $0.durationSeconds) = ([shown], 4) }
        #expect(short.obstacles.map(\.parameter) == ["duration"])
        #expect(try parameters(FalCloud(), "kling-v3-pro", [shown]) == ["reference_images"])
        let ratio = try plan(FalCloud(), "kling-v3-pro") { ($0.referenceImages, $0.aspectRatio) = ([picture], .square) }
        #expect(ratio.obstacles.map(\.parameter) == ["aspect_ratio"])
    }

    @Test func `a model is served until its day, and its owner hears of it a month before`() throws {
        let end = try #require(CalendarDay("2026-11-17"))
        #expect(
            try plan(VertexCloud(project: "p", location: "l"), "veo-3.1-generate-001", day: end.days - 1).order != nil)
        let late = try plan(VertexCloud(project: "p", location: "l"), "veo-3.1-generate-001", day: end.days)
        #expect(late.order == nil && late.obstacles.map(\.parameter) == ["model"])
        #expect(end.days == 20_774 && CalendarDay("2026-02-29") == nil && CalendarDay("2024-02-29") != nil)
        #expect(CalendarDay("2026-13-01") == nil && CalendarDay("26-1-1") == nil && CalendarDay("2026-01-0x") == nil)
    }

    @Test func `sound is always said where there is a choice`() throws {
        for wants in [false, true] {
            let order = try #require(try plan(FalCloud(), "kling-v3-pro") { $0.wantsAudio = wants }.order)
            guard case .json(let body) = try FalCloud().submit(order).body else { return }
            #expect(body.description.contains("\"generate_audio\": \(wants)"))
        }
        #expect(
            try plan(MiniMaxCloud(), "MiniMax-Hailuo-2.3") { $0.wantsAudio = true }.obstacles.map(\.parameter) == [
                "audio"
            ])
        #expect(try plan(GeminiCloud(), "veo-3.1-fast-generate-preview").order?.hasSound == true)
    }

    @Test func `extras of the cloud go along untouched, those of others stay`() throws {
        let order = try #require(
            try plan(RunwayCloud(), "gen4.5") {
                $0.extras = [
                    "runway": .object([("contentModeration", .object([("publicFigureThreshold", "low")]))]),
                    "fal": .object([("cfg_scale", 0.5)]),
                ]
            }.order)
        guard case .json(let body) = try RunwayCloud().submit(order).body else { return }
        #expect(body.description.contains(#""contentModeration": {"publicFigureThreshold": "low"}"#))
        #expect(!body.description.contains("cfg_scale"))
    }

    @Test func `no model can be told anything twice or by a field that costs`() throws {
        let priced: Set<String> = [
            "duration", "durationSeconds", "seconds", "resolution", "size", "ratio", "aspect_ratio", "aspectRatio",
            "model", "model_name", "sampleCount", "generate_audio", "generateAudio", "audio", "sound", "mode",
            "multi_prompt", "multi_shot", "multi_shots", "num_frames", "fps", "width", "height", "voice_ids",
            "elements",
        ]
        for cloud in Self.clouds {
            for model in cloud.models { #expect(model.extras.isDisjoint(with: priced), "\(cloud.name) \(model.id)") }
            #expect(Set(cloud.models.map(\.id)).count == cloud.models.count)
            #expect(CloudNames.all.contains(cloud.name))
        }
        #expect(Self.clouds.count == CloudNames.all.count)
    }

    private static let clouds: [any Cloud] = [
        OpenAICloud(), GeminiCloud(), OmniCloud(), VertexCloud(project: "p", location: "l"), RunwayCloud(), FalCloud(),
        MiniMaxCloud(), KlingCloud(), ReplicateCloud(), LumaCloud(), LumaAgentsCloud(), TogetherCloud(),
    ]

    @Test func `ids with slashes, dots or blanks are no tickets`() {
        for id in ["", "a/b", "../x", "a b", "a?b", "a.b", "ä", String(repeating: "x", count: 300)] {
            #expect(CloudTicket(id) == nil)
        }
        #expect(CloudTicket("video_1-A") != nil && CloudTicket(nil) == nil)
    }
}

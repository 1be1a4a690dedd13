import Foundation
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// Shots, clips that go on from others, named characters, and lengths that may be longer.
@Suite(.bounded, .needs("python3", "ffmpeg")) struct StoryTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let clouds: [any Cloud] = [
        OpenAICloud(), GeminiCloud(), OmniCloud(), VertexCloud(project: "p", location: "l"), RunwayCloud(), FalCloud(),
        MiniMaxCloud(), KlingCloud(), ReplicateCloud(), LumaCloud(), LumaAgentsCloud(), TogetherCloud(),
    ]

    private static func plan(
        _ cloud: any Cloud, _ model: CloudModel, former: FormerClip? = nil, _ change: (inout VideoRequest) -> Void
    ) -> CloudOrderPlan {
        var request = VideoRequest(prompt: "a ball")
        if model.pictures.needsFirst { request.referenceImages = [picture] }
        change(&request)
        return CloudOrderPlan(request, model, cloud: cloud.name, day: nil, former: former)
    }

    private static let picture = ReferenceImage(bytes: [1], format: .png)

    @Test func `what a model has no way to say is an obstacle by its name, at every cloud`() {
        for cloud in Self.clouds {
            for model in cloud.models {
                let shots = Self.plan(cloud, model) {
                    $0.shots = [Shot("a door", durationSeconds: 1), Shot("a hall", durationSeconds: 1)]
                    $0.durationRule = .atLeast
                }
                let said = shots.obstacles.compactMap(\.parameter)
                #expect(model.mostShots > 0 ? shots.order?.shots.count == 2 : said == ["shots"], "\(model.id): \(said)")
                let cast = Self.plan(cloud, model) { $0.cast = ["anna"] }
                #expect(cast.obstacles.compactMap(\.parameter) == ["cast"] && cast.order == nil)
                for former: FormerClip? in [nil, .missing("gone")] {
                    let lost = Self.plan(cloud, model, former: former) { $0.continues = "x" }
                    #expect(lost.obstacles.compactMap(\.parameter) == ["continues"] && lost.order == nil)
                }
                let frame = Self.plan(cloud, model, former: .lastFrame(Self.picture)) {
                    ($0.continues, $0.referenceImages) = ("x", [])
                }
                #expect(
                    model.pictures.takesFirst
                        ? frame.order?.first == Self.picture : frame.obstacles.map(\.parameter) == ["continues"],
                    "\(model.id): \(frame.obstacles)")
            }
        }
    }

    @Test func `shots have whole seconds that sum up, and a clip that may be longer is so at its end`() throws {
        let cloud = FalCloud()
        let model = try #require(cloud.model("kling-v3-pro"))
        func plan(_ seconds: [Double], _ change: (inout VideoRequest) -> Void = { _ in }) -> CloudOrderPlan {
            Self.plan(cloud, model) {
                $0.shots = seconds.map { Shot("it rolls", durationSeconds: $0) }
                change(&$0)
            }
        }
        #expect(plan([2, 3]).order?.seconds == 5 && plan([2, 3]).order?.shots.map(\.seconds) == [2, 3])
        #expect(plan([2, 3]).order?.shots.first?.prompt == "a ball it rolls")
        #expect(plan([2.5, 2.5]).obstacles.first?.reason.contains("whole seconds") == true)
        #expect(plan([1, 1]).obstacles.first?.parameter == "duration")
        #expect(plan([1, 1]) { $0.durationRule = .atLeast }.order?.shots.map(\.seconds) == [1, 2])
        #expect(plan(Array(repeating: 1, count: 7)).obstacles.first?.reason == "it makes at most 6 shots")
        let long = plan([3, 3]) { $0.prompt = String(repeating: "a", count: 2495) }
        #expect(long.obstacles.first?.parameter == "shots")
        // Words of a cloud's own must not say what costs.
        let sly = plan([2, 3]) { $0.extras["fal"] = .object([("multi_prompt", []), ("duration", "15")]) }
        #expect(sly.obstacles.map(\.parameter) == ["extras", "extras"])
    }

    @Test func `a length that may be longer is the next one that goes with the rest, and its price is that one's`()
        throws
    {
        let veo = try #require(FalCloud().model("veo-3.1"))
        let rule = { (request: inout VideoRequest) in (request.durationSeconds, request.durationRule) = (5, .atLeast) }
        #expect(Self.plan(FalCloud(), veo, rule).order?.seconds == 6)
        #expect(Self.plan(FalCloud(), veo) { $0.durationSeconds = 5 }.obstacles.first?.parameter == "duration")
        let gemini = GeminiCloud()
        let fast = try #require(gemini.model("veo-3.1-fast-generate-preview"))
        let large = Self.plan(gemini, fast) {
            rule(&$0)
            $0.resolution = .p1080
        }
        #expect(large.order?.seconds == 8)
        let dollars = try PriceList.builtIn().dollars(try #require(large.order), cloud: "gemini")
        #expect(abs((dollars ?? 0) - 8 * 0.12) < 1e-9)
        let beyond = Self.plan(gemini, fast) { ($0.durationSeconds, $0.durationRule) = (8.5, .atLeast) }
        #expect(beyond.obstacles.first?.parameter == "duration")
        // Where nothing goes with the rest, it is said of the nearest.
        let none = Self.plan(MiniMaxCloud(), try #require(MiniMaxCloud().model("MiniMax-Hailuo-2.3"))) {
            ($0.durationSeconds, $0.durationRule, $0.resolution) = (7, .atLeast, .p1080)
        }
        #expect(none.obstacles.first?.reason == "clips of 1080P are 6 s long here")
    }

    @Test func `a clip goes on from one of the same account by its name, elsewhere from its last frame`() async throws {
        let bed = try CloudBed(["luma", "luma-agents", "fal", "together"])
        let book = try OrderBook(path: folder.file("orders"))
        func provider(_ cloud: String, _ model: String) throws -> CloudProvider {
            try bed.reset(cloud)
            return try CloudCase(cloud: cloud, model: model).provider(bed, folder, book: book)
        }
        let ray = try provider("luma", "ray-2")
        let agents = try provider("luma-agents", "ray-3.2")
        let fal = try provider("fal", "kling-v3-pro")
        let together = try provider("together", "wan-2.2-t2v")
        let first = try await ray.generate(CloudCase(cloud: "luma", model: "ray-2").request()) { _ in }
        let ticket = try #require(first.metadata["remote_id"])
        var request = VideoRequest(prompt: "on it rolls")
        request.continues = try #require(book.summary.last).text("request")
        func body(_ cloud: String) throws -> JSONValue? {
            try bed.log(cloud).last { $0.value(at: ["method"])?.plainText == "POST" }?.value(at: ["json"])
        }
        func remarks(_ provider: CloudProvider) async throws -> String {
            try await provider.capabilities(for: request).remarks.joined()
        }
        #expect(try await remarks(ray) == "it goes on from the former clip itself, which the cloud has")
        let followed = try await ray.generate(request) { _ in }
        #expect(followed.metadata["continues_by"] == "former_clip" && first.metadata["continues_by"] == nil)
        #expect(try body("luma")?.value(at: ["keyframes", "frame0", "id"])?.plainText.map(JSONText.string) == ticket)
        request.id += "b"
        #expect(try await remarks(fal).contains("last frame; motion and sound do not go on"))
        #expect(try await fal.generate(request) { _ in }.metadata["continues_by"] == "last_frame")
        // Who asks again for what is there already is told the same.
        #expect(try await fal.generate(request) { _ in }.metadata["continues_by"] == "last_frame")
        let link = try #require(try body("fal")?.value(at: ["start_image_url"])?.plainText)
        // The log cuts what is long: the head of the picture says its size, which is that of the fake's clips.
        let picture = try #require(Base64.decode(link.dropFirst("data:image/png;base64,".count).prefix(32)))
        #expect(picture.starts(with: [0x89, 0x50, 0x4E, 0x47]) && picture[16..<24] == [0, 0, 0, 64, 0, 0, 0, 36])
        request.id += "c"
        _ = try await agents.generate(request) { _ in }
        #expect(try body("luma-agents")?.value(at: ["video", "start_frame", "data"]) != nil)
        // By name within the account, also of a clip that went on from another.
        request.continues = request.id
        request.id += "d"
        _ = try await agents.generate(request) { _ in }
        #expect(try body("luma-agents")?.value(at: ["video", "start_frame", "generation_id"]) != nil)
        #expect(try await together.capabilities(for: request).obstacles.map(\.parameter) == ["continues"])
        #expect(try await remarks(together).isEmpty)
        request.continues = "nobody"
        #expect(try await fal.capabilities(for: request).obstacles.map(\.parameter) == ["continues"])
        try FileManager.default.removeItem(atPath: first.path)
        request.continues = try #require(book.summary.first).text("request")
        #expect(
            try await provider("fal", "hailuo-2.3").capabilities(for: request).obstacles.map(\.parameter) == [
                "continues"
            ])
    }

    @Test func `a clip that was taken elsewhere is gone on from as long as it is the same`() async throws {
        let bed = try CloudBed(["fal"])
        try bed.reset("fal")
        let place = folder.file("mine.mp4")
        var request = CloudCase(cloud: "fal", model: "kling-v3-pro").request()
        do {
            let book = try OrderBook(path: folder.file("orders"))
            let fal = try CloudCase(cloud: "fal", model: "kling-v3-pro").provider(bed, folder, book: book)
            let clip = try await fal.generate(request) { _ in }
            try FileManager.default.moveItem(atPath: clip.path, toPath: place)
            book.moved(clip.path, to: place)
        }
        request.continues = request.id
        request.id += "b"
        let book = try OrderBook(path: folder.file("orders"))
        let fal = try CloudCase(cloud: "fal", model: "kling-v3-pro").provider(bed, folder, book: book)
        #expect(try await fal.capabilities(for: request).obstacles.isEmpty)
        // Another clip under the same name is not the one that was meant.
        try Data("another".utf8).write(to: URL(filePath: place))
        #expect(try await fal.capabilities(for: request).obstacles.map(\.parameter) == ["continues"])
    }

    @Test func `names of a cast stand for words and pictures`() async throws {
        let anna = CastMember("Anna", kind: .character, words: "a tall woman in red", pictures: [Self.picture])
        let cast = try Cast([anna, CastMember("the hall", kind: .environment, words: "wide and dark")])
        var request = VideoRequest(prompt: "somebody waits")
        (request.cast, request.referenceImages) = (["Anna", "the hall"], [Self.picture])
        let resolved = try cast.resolved(request)
        #expect(
            resolved.prompt == "somebody waits\nAnna is a tall woman in red.\nThe place is the hall: wide and dark.")
        #expect(resolved.referenceImages.map(\.role) == [.first, .reference] && resolved.cast == nil)
        let scene = Scene()
        let provider = scene.provider("p")
        provider.change { $0.limits.maxReferenceImages = 3 }
        let router = try VideoRouter(
            [provider], policy: scene.policy, promises: nil, memory: nil, log: nil, cast: cast,
            clock: scene.clock.routerClock, random: { 0.5 }, gate: { _, _ in ClipJudgement(.good) })
        _ = try await router.clip(request)
        #expect(provider.requests.first?.prompt == resolved.prompt && provider.requests.first?.cast == nil)
        request.cast = ["Bert"]
        let error = await router.error(request)
        #expect(error?.code == .badRequest && error?.parameter == "cast")
        #expect(error?.message.contains("known: Anna, the hall") == true)
        for wrong in [
            [anna, anna], [CastMember("x", kind: .character)], [CastMember("", kind: .character, words: "y")],
        ] {
            #expect(throws: RouterError.self) { try Cast(wrong) }
        }
    }

    @Test func `variants of a request are found by it, and others are not`() throws {
        let book = try OrderBook(path: folder.file("orders"))
        func order(_ reference: String, _ request: String, _ state: OrderRecord.State) throws {
            var record = OrderRecord(
                reference: reference, account: "a", provider: "p", model: "m", request: request, digest: "d",
                prompt: "", seconds: 5, quotedDollars: 1, placedAt: 1)
            (record.state, record.endedAt) = (state, 3)
            try book.write(record)
        }
        try order("1", "one", .done)
        try order("2", "one.2", .unknown)
        try order("3", "one.other", .unknown)
        try order("4", "one.2", .done)
        #expect(book.open(of: "one") { _ in true }.map(\.reference) == ["2"])
        #expect(book.finished("one")?.reference == "4" && book.finished("one.other") == nil)
        #expect(book.latest("p", "one")?.reference == "1" && book.latest("q", "one") == nil)
        #expect(
            book.dollars("p", "one.2") == 2 && book.times("p", last: 1) == [2] && book.times("p", last: 9) == [2, 2])
    }
}

extension JSONText {
    /// A member of an object, where that is a text.
    fileprivate func text(_ name: String) -> String? {
        guard case .object(let members) = self, case .string(let text)? = members.first(where: { $0.0 == name })?.1
        else { return nil }
        return text
    }
}

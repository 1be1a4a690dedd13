import FoundationEssentials
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// What cannot be made in time is kept until it is made.
@Suite(.bounded) struct PromiseTests {
    private let scene = Scene()
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Every field of a request.
    private static var full: VideoRequest {
        var request = VideoRequest(prompt: "a \"cat\"\n\u{1F408}", quality: .premium, tilesVAE: true)
        request.negativePrompt = "dogs"
        request.durationSeconds = 4.5
        request.resolution = .p720
        request.aspectRatio = .portrait
        request.wantsAudio = true
        request.referenceImages = [ReferenceImage(bytes: [0, 255, 10], format: .webp, role: .last)]
        request.maxCostDollars = 1.25
        request.maxLatencySeconds = 60
        request.extras = ["a": 1, "b": ["c": [true, nil, 0.5, "x"]], "big": .unsigned(.max)]
        request.width = 832
        request.height = 480
        request.frames = 81
        request.framesPerSecond = 16
        request.steps = 4
        request.guidanceScale = 5
        request.guidanceScale2 = 3
        request.flowShift = 8
        request.scheduler = .dpmpp
        request.sigmas = [1, 0.75, 0.5, 0.25]
        request.seed = .max
        return request
    }

    private static func kept(_ request: VideoRequest, at time: Double = 5) -> KeptRequest {
        KeptRequest(
            request: request, options: RoutingOptions(provider: "p", model: nil, allowsPromise: true),
            promise: VideoPromise(
                id: request.id, provider: "p", estimate: TimeEstimate(queueSeconds: 1, p50: 2, p90: 3), madeAt: time,
                expiresAt: 99, spentDollars: 0.5, reasons: ["p: slow"]))
    }

    @Test func `a promise lies on the disk with every field, and is dropped when it is settled`() async throws {
        let path = folder.file("promises")
        let kept = Self.kept(Self.full)
        try await PromiseFolder(path: path).keep(kept)
        // Another process.
        let again = try PromiseFolder(path: path)
        #expect(try await again.all() == [kept])
        let earlier = Self.kept(VideoRequest(prompt: "x"), at: 4)
        try await again.keep(earlier)
        try await again.keep(kept)
        #expect(try await again.all() == [earlier, kept])
        try await again.settle(kept.request.id)
        try await again.settle("never kept")
        #expect(try await again.all() == [earlier])
    }

    @Test func `promises that were kept when extras were texts are read`() async throws {
        let path = folder.file("promises")
        let promises = try PromiseFolder(path: path)
        var request = VideoRequest(prompt: "x")
        request.referenceImages = [ReferenceImage(bytes: [1, 2], format: .png)]
        request.extras = ["a": ["b": [1, "z"]]]
        try await promises.keep(Self.kept(request))
        let file = try #require(FileManager.default.contentsOfDirectory(atPath: path).first)
        let url = URL(filePath: path + "/" + file)
        let written = String(decoding: try Data(contentsOf: url), as: UTF8.self)
        let old = written.replacing(#""extras":{"a":{"b":[1,"z"]}}"#, with: #""extras":{"a":"{\"b\": [1, \"z\"]}"}"#)
            .replacing(#","version":2"#, with: "").replacing(#","role":"first""#, with: "")
        #expect(!old.contains("version") && !old.contains("role") && old.contains(#""a":"{"#))
        try Data(old.utf8).write(to: url)
        #expect(try await promises.all() == [Self.kept(request)])
        try Data(old.replacing("[1,", with: "[1").utf8).write(to: url)
        #expect(try await promises.damaged() == [path + "/" + file])
    }

    @Test func `an id never becomes part of a path, and damaged files are left alone`() async throws {
        let path = folder.file("promises")
        let promises = try PromiseFolder(path: path)
        var request = VideoRequest(prompt: "x")
        request.id = "../../../evil/\u{0}\n"
        try await promises.keep(Self.kept(request))
        #expect(try folder.names == ["promises"])
        try Data("{\"promise\":".utf8).write(to: URL(filePath: path + "/damaged.promise"))
        #expect(try await promises.all().map(\.request.id) == [request.id])
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        #expect(names.count == 2 && names.contains("damaged.promise"))
        // Neither a folder nor a link of that name keeps the good ones back.
        try FileManager.default.createDirectory(atPath: path + "/folder.promise", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: path + "/link.promise", withDestinationPath: path + "/damaged.promise")
        #expect(try await promises.all().map(\.request.id) == [request.id])
        #expect(
            try await promises.damaged() == ["damaged", "folder", "link"].map { "\(path)/\($0).promise" })
    }

    @Test func `what nobody can do now is promised, and made after a restart`() async throws {
        let promises = try PromiseFolder(path: folder.file("promises"))
        let local = scene.provider("local", p50: 300, p90: 400)
        let request = scene.request { $0.maxLatencySeconds = 60 }
        guard case .promised(let promise) = try await scene.router([local], promises: promises).generate(request) else {
            Issue.record("not promised")
            return
        }
        #expect(promise.id == request.id && promise.provider == "local" && promise.estimate?.p50 == 300)
        #expect(promise.expiresAt == promise.madeAt + scene.policy.promiseSeconds)
        #expect(promise.reasons == ["local: it takes up to 400.0 s, 60.0 s are left"])
        #expect(local.requests.isEmpty)
        // Another process; at first the machine is down.
        let router = try scene.router([local], promises: PromiseFolder(path: folder.file("promises")))
        local.set(.unavailable(["starting"]))
        guard case .failure(let error) = try await router.keepPromises()[request.id] else {
            Issue.record("made by nobody")
            return
        }
        #expect(error.code == .noProviderAvailable)
        #expect(try await promises.all().count == 1)
        local.set(.ready)
        scene.clock.advance(by: 60)
        guard case .success(.done(let clip)) = try await router.keepPromises()[request.id] else {
            Issue.record("not made")
            return
        }
        #expect(clip.provider == "local" && local.requests.map(\.id) == [request.id])
        #expect(try await promises.all().isEmpty)
    }

    @Test func `without leave to promise the reasons of each provider are told`() async throws {
        let slow = scene.provider("slow", p90: 400)
        let down = scene.provider("down")
        down.set(.unavailable(["no power"]))
        let router = try scene.router([slow, down], promises: PromiseList())
        let request = scene.request { $0.maxLatencySeconds = 60 }
        let error = await router.error(request, options: RoutingOptions(allowsPromise: false))
        #expect(error?.code == .noProviderAvailable)
        #expect(error?.providers.map(\.obstacles).map { $0.map(\.kind) } == [[.deadline], [.health]])
    }

    @Test func `what no time would mend is not promised`() async throws {
        let promises = PromiseList()
        let dear = scene.provider("dear", cost: 5)
        let router = try scene.router([dear], promises: promises)
        #expect(await router.error(scene.request { $0.maxCostDollars = 1 })?.code == .budget)
        #expect(await router.error(scene.request { $0.wantsAudio = true })?.code == .badRequest)
        dear.will([.failure(.contentPolicy("no"))])
        #expect(await router.error(scene.request())?.code == .contentPolicy)
        #expect(try await promises.all().isEmpty)
    }

    @Test func `a promise remembers what was spent, expires, and can be withdrawn`() async throws {
        let promises = PromiseList()
        let flaky = scene.provider("flaky", cost: 1, p90: 60, .failure(.transport("lost"), seconds: 40))
        let router = try scene.router([flaky], promises: promises)
        let request = scene.request {
            $0.maxLatencySeconds = 90
            $0.maxCostDollars = 1.5
        }
        guard case .promised(let promise) = try await router.generate(request) else {
            Issue.record("not promised")
            return
        }
        #expect(promise.spentDollars == 1)
        // The dollar is gone: what is left does not pay for another one.
        flaky.will([.clip()])
        let result = try await router.keepPromises()[request.id]
        guard case .failure(let error) = result else {
            Issue.record("spent twice")
            return
        }
        #expect(error.code == .budget)
        #expect(try await promises.all().isEmpty)

        let slow = scene.provider("slow", p90: 500)
        let second = try scene.router([slow], promises: promises)
        let late = scene.request { $0.maxLatencySeconds = 90 }
        _ = try await second.generate(late)
        await second.cancel(late.id)
        #expect(try await promises.all().isEmpty)
        _ = try await second.generate(late)
        scene.clock.advance(by: scene.policy.promiseSeconds)
        guard case .failure(let expired) = try await second.keepPromises()[late.id] else {
            Issue.record("kept for ever")
            return
        }
        #expect(expired.code == .deadline && slow.requests.isEmpty)
        #expect(try await promises.all().isEmpty)
    }

    @Test func `a promise that cannot be dropped is not made twice, nor one that was withdrawn, and it is told`()
        async throws
    {
        let promises = PromiseList()
        let local = scene.provider("local", p50: 300, p90: 400)
        let router = try scene.router([local], promises: promises)
        let made = scene.request { $0.maxLatencySeconds = 60 }
        let withdrawn = scene.request { $0.maxLatencySeconds = 60 }
        _ = try await router.generate(made)
        _ = try await router.generate(withdrawn)
        #expect(try await promises.all().count == 2)
        #expect(await router.remarks.isEmpty)
        promises.isStuck.withLock { $0 = true }
        await router.cancel(withdrawn.id)
        for _ in 0..<2 {
            let results = try await router.keepPromises()
            guard case .success(.done) = results[made.id] else {
                Issue.record("not made")
                return
            }
            guard case .failure(let error) = results[withdrawn.id] else {
                Issue.record("made though it was withdrawn")
                return
            }
            #expect(error.code == .cancelled)
        }
        #expect(local.requests.map(\.id) == [made.id])
        #expect(await router.remarks.count == 2)
        #expect(await router.remarks.allSatisfy { $0.contains("stuck") })
        promises.isStuck.withLock { $0 = false }
        _ = try await router.keepPromises()
        #expect(try await promises.all().isEmpty)
        #expect(await router.remarks.isEmpty)
        #expect(local.requests.count == 1)
    }

    @Test func `a memory that cannot be read or written is told`() async throws {
        let path = folder.file("memory")
        try Data("nonsense".utf8).write(to: URL(filePath: path))
        let provider = scene.provider("p")
        let router = try scene.router([provider], memory: RouterMemoryFile(path: path))
        #expect(await router.remarks.first?.contains("cannot be read") == true)
        try await router.shutOut("p")
        #expect(await router.remarks.isEmpty)
        let nowhere = try scene.router([provider], memory: RouterMemoryFile(path: folder.file("no/memory")))
        #expect(await nowhere.remarks.isEmpty)
        try await nowhere.shutOut("p")
        #expect(await nowhere.remarks.first?.contains("No such file or directory") == true)
    }
}

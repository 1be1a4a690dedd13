import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// The faults that the well-known reference router has, by their number in our list; ours must have none of them.
@Suite(.bounded) struct ReferenceFaultTests {
    private var scene = Scene()

    @Test func `fault 1, quality as a word: premium with sound goes to the provider of premium with sound`()
        async throws
    {
        let sora = scene.provider("sora", cost: 0.5, qualities: [.standard])
        let veo = scene.provider("veo", cost: 2, qualities: [.premium])
        for provider in [sora, veo] { provider.change { $0.limits.makesAudio = true } }
        let word = try #require(Quality(rawValue: "premium"))
        let request = scene.request {
            $0.quality = word
            $0.wantsAudio = true
        }
        #expect(try await scene.router([sora, veo]).clip(request).provider == "veo")
        #expect(Quality(rawValue: "best") == nil)
    }

    @Test(arguments: [
        ProviderError.contentPolicy("violence"), .badRequest("odd", parameter: "fps"), .quota(retryAfterSeconds: 0),
        .capacity(retryAfterSeconds: 0), .cancelled, .deadline, .budget,
    ])
    func `fault 2, every exception trips the breaker: what is not the provider's fault does not`(
        _ error: ProviderError
    ) async throws {
        let wan = scene.provider("wan", .failure(error))
        // Somebody else is there: alone, a provider would be tried in panic whatever its breaker says.
        let router = try scene.router([wan, scene.provider("other", cost: 1)])
        for _ in 0..<4 {
            #expect(await router.error(scene.request(), options: RoutingOptions(provider: "wan")) != nil)
        }
        wan.will([.clip()])
        #expect(try await router.clip(scene.request()).provider == "wan")
    }

    @Test func `fault 3, no half-open: a failed provider is tried once before it is trusted, ever later`() async throws
    {
        let bad = scene.provider("bad", .failure(.server("down"), seconds: 0))
        let good = scene.provider("good", cost: 1)
        let router = try scene.router([bad, good])
        // Twice a request, until three in a row have failed.
        for _ in 0..<2 { #expect(try await router.clip(scene.request()).provider == "good") }
        #expect(bad.requests.count == 3)
        _ = try await router.clip(scene.request())
        #expect(bad.requests.count == 3)
        for seconds in [30.0, 60, 120, 240, 480, 900, 900] {
            scene.clock.advance(by: seconds - 3)
            _ = try await router.clip(scene.request())
            let before = bad.requests.count
            scene.clock.advance(by: 4)
            _ = try await router.clip(scene.request())
            #expect(bad.requests.count == before + 1, "after \(seconds) s")
        }
        bad.will([.clip()])
        scene.clock.advance(by: 900)
        for _ in 0..<2 { #expect(try await router.clip(scene.request()).provider == "bad") }
        // Closed again: one failure no longer shuts it out.
        bad.will([.failure(.server("down"), seconds: 0), .clip()])
        #expect(try await router.clip(scene.request()).provider == "bad")
    }

    @Test func `fault 3, open circuits are skipped even where they are the only choice: never all are shut`()
        async throws
    {
        let only = scene.provider("only", .failure(.server("down"), seconds: 0))
        let router = try scene.router([only])
        for _ in 0..<3 { #expect(await router.error(scene.request())?.code == .noProviderAvailable) }
        let count = only.requests.count
        only.will([.clip()])
        let clip = try await router.clip(scene.request())
        #expect(only.requests.count == count + 1)
        #expect("\(clip.metadata["routing"] ?? .null)".contains(#""in_panic": true"#))
    }

    @Test func `fault 4, no timeout: a hung provider does not hang the caller, and is told to stop`() async throws {
        let deaf = scene.provider("deaf", .deaf(seconds: 100))
        let request = scene.request { $0.maxLatencySeconds = 90 }
        #expect(try await scene.error([deaf], request)?.code == .deadline)
        #expect(deaf.cancelled == [request.id])
        deaf.release()
    }

    @Test func `fault 4, cancelled callers leave paid jobs running: the provider is told`() async throws {
        let slow = scene.provider("slow", .hang(seconds: 0))
        let router = try scene.router([slow])
        let request = scene.request()
        let task = Task { await router.error(request) }
        #expect(try await becomesTrue { !slow.requests.isEmpty })
        task.cancel()
        #expect(await task.value?.code == .cancelled)
        #expect(slow.cancelled == [request.id])
    }

    @Test func `fault 5, money and time spent are forgotten: both are carried over`() async throws {
        // The first may have charged its dollar before the connection was lost, so that only the third can be paid.
        let first = scene.provider("first", cost: 1, .failure(.transport("lost"), seconds: 1))
        let second = scene.provider("second", cost: 1.2)
        let third = scene.provider("third", cost: 1.4)
        third.change { $0.costDollars = 0.9 }
        third.change { $0.qualities = [.draft] }
        let request = scene.request { $0.maxCostDollars = 2 }
        let clip = try await scene.router([first, second, third]).clip(request)
        #expect(clip.provider == "third" && second.requests.isEmpty)
        // One piece of work under one id is charged once.
        #expect(first.requests.map(\.id) == [request.id, request.id])
        #expect("\(clip.metadata["routing"] ?? .null)".contains(#""spent_dollars": 1.9"#))

        let slow = scene.provider("slow", p50: 10, p90: 60, .failure(.server("down"), seconds: 50))
        let late = scene.provider("late", cost: 1, p50: 30, p90: 60)
        let error = try await scene.error([slow, late], scene.request { $0.maxLatencySeconds = 100 })
        #expect(error?.code == .noProviderAvailable || error?.code == .deadline)
        #expect(late.requests.isEmpty && slow.requests.count == 1)
    }

    @Test func `fault 6, division by zero: a free provider serves a budget of nothing`() async throws {
        let local = scene.provider("local", cost: 0)
        let cloud = scene.provider("cloud", cost: 0.01)
        let request = scene.request { $0.maxCostDollars = 0 }
        #expect(try await scene.router([cloud, local]).clip(request).provider == "local")
        let error = try await scene.error([cloud], request)
        #expect(error?.code == .budget)
    }

    @Test func `fault 7, cost buys off quality: a free draft does not serve a standard request`() async throws {
        let local = scene.provider("local", cost: 0, qualities: [.draft])
        let cloud = scene.provider("cloud", cost: 8, qualities: [.standard])
        let request = scene.request { $0.maxCostDollars = 10 }
        #expect(try await scene.router([local, cloud]).clip(request).provider == "cloud")
    }

    @Test func `fault 7, ties are broken by the order of the list: price first, then time, then the list`() async throws
    {
        let dear = scene.provider("dear", cost: 2, p50: 5)
        let slow = scene.provider("slow", cost: 1, p50: 40)
        let quick = scene.provider("quick", cost: 1.05, p50: 20)
        let findings = try await scene.router([dear, slow, quick]).explain(scene.request())
        #expect(findings.map(\.provider) == ["quick", "slow", "dear"])
        let twins = [scene.provider("b"), scene.provider("a")]
        #expect(try await scene.router(twins).explain(scene.request()).map(\.provider) == ["b", "a"])
    }

    @Test func `fault 8, latency linear in seconds: the provider's own estimate with its queue decides`() async throws {
        let queued = scene.provider("queued", p50: 900, p90: 1200, queue: 800)
        let cloud = scene.provider("cloud", cost: 1, p50: 40, p90: 80)
        let request = scene.request { $0.maxLatencySeconds = 120 }
        let clip = try await scene.router([queued, cloud]).clip(request)
        #expect(clip.provider == "cloud")
        #expect("\(clip.metadata["routing"] ?? .null)".contains("it takes up to 1200.0 s, 120.0 s are left"))
    }

    @Test func `fault 9, 8k passes: every limit is checked and named`() async throws {
        #expect(Resolution("8k") == nil)
        let changes: [(String, (inout VideoRequest) -> Void)] = [
            ("resolution", { $0.resolution = Resolution(shorterSide: 4320) }),
            ("aspect_ratio", { $0.aspectRatio = .portrait }), ("duration", { $0.durationSeconds = 1 }),
            ("duration", { $0.durationSeconds = 20 }), ("fps", { $0.framesPerSecond = 60 }),
            ("frames", { $0.frames = 85 }), ("width", { ($0.width, $0.height) = (840, 480) }),
            ("size", { ($0.width, $0.height) = (1920, 1088) }), ("audio", { $0.wantsAudio = true }),
            ("prompt", { $0.prompt = String(repeating: "x", count: 501) }),
            ("reference_images", { $0.referenceImages = [ReferenceImage(bytes: [1], format: .png)] }),
        ]
        for (parameter, change) in changes {
            let provider = scene.provider("p")
            provider.change {
                $0.limits = ProviderCapabilities.Limits(
                    maxDurationSeconds: 8, maxPixels: 1280 * 720, sizeStep: 16, frameStep: 8, maxPromptBytes: 500,
                    minDurationSeconds: 2, framesPerSecond: 8...30, aspectRatios: [.landscape])
            }
            let error = try await scene.error([provider], scene.request(change))
            #expect(error?.code == .badRequest && error?.parameter == parameter)
            #expect(provider.requests.isEmpty)
        }
    }

    @Test func `fault 9, no pinning, no routing by content, extras lost: all three work`() async throws {
        var scene = scene
        scene.policy.contentRules = [ContentRule(words: ["Anime"], prefers: ["toon"])]
        let providers = ["real", "toon"].map { scene.provider($0) }
        let router = try scene.router(providers)
        #expect(try await router.clip(scene.request { $0.prompt = "an anime, of cats" }).provider == "toon")
        #expect(try await router.clip(scene.request { $0.prompt = "animes" }).provider == "real")
        let extras: [String: JSONText] = ["loop": true, "camera": ["pan": 3]]
        let request = scene.request { $0.extras = extras }
        #expect(try await router.clip(request, options: RoutingOptions(provider: "toon")).provider == "toon")
        #expect(providers[1].requests.last?.extras == extras)
        #expect(try await router.clip(scene.request(), options: RoutingOptions(model: "toon-1")).provider == "toon")
        #expect(await router.error(scene.request(), options: RoutingOptions(provider: "none"))?.code == .badRequest)
    }

    @Test func `fault 10, one throwing provider kills routing: it is passed over, and so is one that hangs`()
        async throws
    {
        let broken = scene.provider("broken")
        broken.failToTell(.transport("no route to host"))
        let silent = scene.provider("silent")
        silent.fallSilent()
        let good = scene.provider("good", cost: 3)
        let providers = [broken, silent, good]
        let router = try scene.router(providers)
        let request = scene.request()
        let task = Task { try await router.clip(request) }
        #expect(try await becomesTrue { providers.allSatisfy { $0.timesAsked > 0 && $0.healthChecks > 0 } })
        // Two questions to each; who has answered is no longer waited for.
        #expect(try await becomesTrue { scene.clock.sleeps >= 6 && scene.clock.sleeping == 1 })
        scene.clock.advance(by: 5)
        let clip = try await task.value
        #expect(clip.provider == "good")
        let routing = "\(clip.metadata["routing"] ?? .null)"
        #expect(routing.contains("no route to host") && routing.contains("did not tell in time"))
        silent.release()
    }

    @Test func `fault 10, two providers of one name share a breaker: they are refused`() throws {
        let error = #expect(throws: RouterError.self) {
            _ = try scene.router([scene.provider("a"), scene.provider("b"), scene.provider("a")])
        }
        #expect(error?.code == .configuration)
    }

    @Test func `fault 11, the health check is never called: it is, and who is not ready gets no work`() async throws {
        let sick = scene.provider("sick")
        sick.set(.unavailable(["no weights"]))
        let good = scene.provider("good", cost: 1)
        let router = try scene.router([sick, good])
        #expect(try await router.clip(scene.request()).provider == "good")
        #expect(sick.healthChecks == 1 && sick.requests.isEmpty)
        sick.set(.ready)
        scene.clock.advance(by: 15)
        #expect(try await router.clip(scene.request()).provider == "sick")
    }

    @Test func `fault 12, blocking calls: providers that block their threads do not stop the router`() async throws {
        // More of them than this machine has threads to spare.
        let blockers = (0..<8).map { scene.provider("blocker\($0)", .block) }
        let good = scene.provider("good")
        let router = try scene.router(blockers + [good])
        let tasks = blockers.map { blocker in
            Task { await router.error(scene.request(), options: RoutingOptions(provider: blocker.name)) }
        }
        #expect(try await becomesTrue { blockers.allSatisfy { !$0.requests.isEmpty } })
        #expect(try await router.clip(scene.request(), options: RoutingOptions(provider: "good")).provider == "good")
        for task in tasks { task.cancel() }
        for task in tasks { #expect(await task.value?.code == .cancelled) }
        for blocker in blockers { blocker.release() }
    }

    @Test func `fault 13, pictures are ignored, and the cost is that of the wish: neither`() async throws {
        let blind = scene.provider("blind")
        let seeing = scene.provider("seeing", cost: 1, .clip(cost: 0.25))
        seeing.change { $0.limits.maxReferenceImages = 1 }
        let image = ReferenceImage(bytes: [0x89, 0x50], format: .png)
        let request = scene.request { $0.referenceImages = [image] }
        let clip = try await scene.router([blind, seeing]).clip(request)
        #expect(clip.provider == "seeing" && seeing.requests[0].referenceImages == [image])
        // Charged for what was made, not for what was quoted.
        #expect(clip.costDollars == 0.25)
        #expect("\(clip.metadata["routing"] ?? .null)".contains(#""spent_dollars": 0.25"#))
        #expect(clip.path == "/clips/seeing/\(request.id)")
    }

    @Test func `fault 14, no end to polling: a provider that says nothing is given up without a deadline too`()
        async throws
    {
        let poller = scene.provider("poller", p90: 60, .deaf(seconds: 181))
        let mute = scene.provider("mute", cost: 1, .deaf(seconds: 1801))
        mute.change { $0.estimate = nil }
        let good = scene.provider("good", cost: 9)
        let clip = try await scene.router([poller, mute, good]).clip(scene.request())
        #expect(clip.provider == "good")
        #expect(poller.cancelled.count == 1 && mute.cancelled.count == 1)
        poller.release()
        mute.release()
    }

    @Test func `fault 15, prompt and pictures are never passed, the length is cut: the whole request arrives`()
        async throws
    {
        let veo = scene.provider("veo")
        veo.change { $0.limits.maxDurationSeconds = 8 }
        let long = scene.provider("long", cost: 5)
        let router = try scene.router([veo, long])
        // Eight seconds are a limit, not what twelve are cut to.
        #expect(try await router.clip(scene.request { $0.durationSeconds = 10 }).provider == "long")
        let request = scene.request {
            $0.durationSeconds = 8
            $0.negativePrompt = "text"
            $0.seed = 7
        }
        _ = try await router.clip(request)
        #expect(veo.requests == [request])
    }

    @Test func `fault 16, wall clock and one error for everything: steps of the clock do not matter`() async throws {
        let clock = scene.clock
        let stepping = scene.provider("stepping", .failure(.server("down"), seconds: 1), .clip(seconds: 2))
        let request = scene.request { $0.maxLatencySeconds = 100 }
        clock.stepWallClock(by: -86_400)
        let router = try scene.router([stepping])
        let task = Task { try await router.clip(request) }
        clock.stepWallClock(by: 1e7)
        #expect(try await task.value.latencySeconds == 3)
    }

    @Test func `fault 16, the last error only: each kind has its code and tells of every provider`() async throws {
        let down = scene.provider("down", .failure(.server("on fire")))
        let away = scene.provider("away", .failure(.transport("no route")))
        let error = try await scene.error([down, away], scene.request())
        #expect(error?.code == .noProviderAvailable)
        #expect(error?.message.contains("on fire") == true && error?.message.contains("no route") == true)
        #expect(error?.providers.map(\.provider).sorted() == ["away", "down"])
        let refusing = scene.provider("refusing", .failure(.contentPolicy("no")))
        #expect(try await scene.error([refusing], scene.request())?.code == .contentPolicy)
        let dear = scene.provider("dear", cost: 5)
        #expect(try await scene.error([dear], scene.request { $0.maxCostDollars = 1 })?.code == .budget)
        let slow = scene.provider("slow", p90: 500)
        #expect(try await scene.error([slow], scene.request { $0.maxLatencySeconds = 9 })?.code == .deadline)
    }

    @Test func `fault 17, promised in words only: gate, promise, caps and the own machine as the last resort`()
        async throws
    {
        var scene = scene
        scene.policy.caps[.standard] = RoutingCap(maxCostDollars: 4)
        let empty = scene.provider("empty", cost: 1)
        let good = scene.provider("good", cost: 1.1, p50: 50)
        let dear = scene.provider("dear", cost: 5)
        let local = scene.provider("local", p50: 400, p90: 500)
        let promises = PromiseList()
        let router = try scene.router([empty, good, dear, local], promises: promises) { path, _ in
            path.contains("/empty/")
                ? ClipJudgement(.empty("the clip is black", isFault: false)) : ClipJudgement(.good)
        }
        // The gate: a black clip is not delivered where somebody else makes a better one.
        local.set(.unavailable(["busy"]))
        let clip = try await router.clip(scene.request { $0.maxCostDollars = 10 })
        #expect(clip.provider == "good" && empty.requests.count == 2)
        #expect(dear.requests.isEmpty)
        // The promise: nobody else can, and the own machine takes longer than allowed.
        for provider in [empty, good, dear] { provider.set(.unavailable(["down"])) }
        local.set(.ready)
        scene.clock.advance(by: 60)
        let request = scene.request { $0.maxLatencySeconds = 100 }
        guard case .promised(let promise) = try await router.generate(request) else {
            Issue.record("no promise")
            return
        }
        #expect(promise.provider == "local" && promise.estimate?.p90 == 500)
        #expect(try await promises.all().map(\.request) == [request])
        #expect(try await router.keepPromises().count == 1)
        #expect(try await promises.all().isEmpty && local.requests.map(\.id) == [request.id])
    }

    @Test func `fault 18, retries and rejects cost nothing in the sums: every clip made is paid for`() async throws {
        let empty = scene.provider("empty", cost: 1)
        let good = scene.provider("good", cost: 1.5)
        let router = try scene.router([empty, good]) { path, _ in
            path.contains("/empty/")
                ? ClipJudgement(.empty("the clip is frozen", isFault: false)) : ClipJudgement(.good)
        }
        let clip = try await router.clip(scene.request { $0.maxCostDollars = 4 })
        #expect(clip.provider == "good" && clip.costDollars == 1.5)
        // Two rejected clips of another provider, and this one.
        #expect("\(clip.metadata["routing"] ?? .null)".contains(#""spent_dollars": 3.5"#))
    }
}

import Synchronization
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// The retry loop, its limits, and what it tells.
@Suite(.bounded) struct RouterTests {
    private let scene = Scene()

    @Test(arguments: [
        (ProviderError.timeout("t"), 2, true), (.transport("t"), 2, true), (.server("t"), 2, true),
        (.corruptOutput("t"), 2, true), (.badRequest("t", parameter: nil), 1, true), (.contentPolicy("t"), 1, false),
        (.authentication("t"), 1, true), (.quota(retryAfterSeconds: 9), 1, true),
        (.capacity(retryAfterSeconds: 9), 1, true),
        (.cancelled, 1, false), (.deadline, 1, false), (.budget, 1, false),
    ])
    func `every kind of error has its rule`(_ error: ProviderError, _ asked: Int, _ fallsBack: Bool) async throws {
        let failing = scene.provider("failing", .failure(error))
        let other = scene.provider("other", cost: 1)
        let router = try scene.router([failing, other])
        let request = scene.request()
        if fallsBack {
            #expect(try await router.clip(request).provider == "other")
        } else {
            let codes: [String: RouterError.Code] = [
                "content_policy_violation": .contentPolicy, "cancelled": .cancelled, "deadline_exceeded": .deadline,
                "budget_exceeded": .budget,
            ]
            #expect(await router.error(request)?.code == codes[error.name])
            #expect(other.requests.isEmpty)
        }
        #expect(failing.requests.count == asked)
        // The same id, so that work that is under way is found again; what came broken must be made anew.
        let ids = failing.requests.map(\.id)
        if asked == 2 { #expect(ids == [request.id, error.name == "corrupt_output" ? request.id + ".2" : request.id]) }
    }

    @Test func `a refusal goes on only to those that the policy names`() async throws {
        var scene = scene
        scene.policy.policyFallbacks = ["named"]
        let refusing = scene.provider("refusing", .failure(.contentPolicy("no")))
        let other = scene.provider("other", cost: 1)
        let named = scene.provider("named", cost: 2)
        #expect(try await scene.router([refusing, other, named]).clip(scene.request()).provider == "named")
        #expect(other.requests.isEmpty)
    }

    @Test func `a wrong key shuts the provider out until it is reset`() async throws {
        let locked = scene.provider("locked", .failure(.authentication("401")), .clip())
        let other = scene.provider("other", cost: 1)
        let router = try scene.router([locked, other])
        for _ in 0..<3 { #expect(try await router.clip(scene.request()).provider == "other") }
        scene.clock.advance(by: 1e6)
        #expect(try await router.clip(scene.request()).provider == "other")
        #expect(locked.requests.count == 1)
        try await router.reset("locked")
        #expect(try await router.clip(scene.request()).provider == "locked")
    }

    @Test func `providers are shut out and let in by hand`() async throws {
        let first = scene.provider("first")
        let router = try scene.router([first, scene.provider("second", cost: 1)])
        try await router.shutOut("first")
        #expect(try await router.clip(scene.request()).provider == "second")
        try await router.letIn("first")
        first.will([.failure(.server("x"), seconds: 0)])
        for _ in 0..<4 { _ = try await router.clip(scene.request()) }
        // Failures do not matter: it is asked every time, twice.
        #expect(first.requests.count == 8)
        try await router.reset("first")
        let error = await #expect(throws: RouterError.self) { try await router.reset("frist") }
        #expect(error?.message == "there is no provider 'frist' here; there are: first, second")
        await #expect(throws: RouterError.self) { try await router.shutOut("frist") }
        await #expect(throws: RouterError.self) { try await router.letIn("frist") }
    }

    @Test func `a pause asked for is waited for where time allows and nobody else can`() async throws {
        let busy = scene.provider("busy", p90: 60, .failure(.capacity(retryAfterSeconds: 40), seconds: 0), .clip())
        let router = try scene.router([busy])
        let request = scene.request { $0.maxLatencySeconds = 101 }
        let start = scene.clock.now
        async let clip = router.clip(request)
        await scene.clock.reach(start + 40)
        #expect(try await clip.latencySeconds == 41)
        // Too late to wait.
        busy.will([.failure(.quota(retryAfterSeconds: 42), seconds: 0)])
        #expect(await router.error(request)?.code == .noProviderAvailable)
    }

    @Test func `a hung provider is left for the next while time is left`() async throws {
        let hung = scene.provider("hung", p50: 10, p90: 20, .hang(seconds: 60))
        let good = scene.provider("good", cost: 1, p90: 30)
        let request = scene.request { $0.maxLatencySeconds = 100 }
        let clip = try await scene.router([hung, good]).clip(request)
        #expect(clip.provider == "good" && clip.latencySeconds == 61)
        // Not asked twice: who hangs would hang again.
        #expect(hung.requests.count == 1 && hung.cancelled == [request.id])
    }

    @Test func `who is far too slow for a deadline is at fault, who had no chance is not`() async throws {
        let slow = scene.provider("slow", p90: 40, .hang(seconds: 90))
        let router = try scene.router([slow])
        let request = scene.request { $0.maxLatencySeconds = 90 }
        for _ in 0..<3 { #expect(await router.error(request)?.code == .deadline) }
        #expect(try await router.explain(request).first?.rank == 0, "in panic")
        let other = scene.provider("other")
        let fair = scene.provider("fair", p90: 60, .hang(seconds: 70))
        let second = try scene.router([fair, other])
        for _ in 0..<3 {
            _ = await second.error(
                scene.request { $0.maxLatencySeconds = 70 }, options: RoutingOptions(provider: "fair"))
        }
        #expect(try await second.explain(scene.request()).first?.provider == "fair")
    }

    @Test func `progress is passed on, but not that of who came too late`() async throws {
        let deaf = scene.provider("deaf", p90: 20, .deaf(seconds: 60))
        let good = scene.provider("good", cost: 1)
        let seen = Mutex<[VideoProgress.Stage]>([])
        _ = try await scene.router([deaf, good]).generate(scene.request()) { step in
            seen.withLock { $0.append(step.stage) }
        }
        deaf.release()
        for _ in 0..<100 { await Task.yield() }
        #expect(seen.withLock { $0 } == [.denoise, .denoise])
    }

    @Test func `a request is cancelled by its id, wherever it is`() async throws {
        let slow = scene.provider("slow", .hang(seconds: 0))
        let router = try scene.router([slow])
        let request = scene.request()
        let task = Task { await router.error(request) }
        #expect(try await becomesTrue { !slow.requests.isEmpty })
        await router.cancel("another")
        #expect(slow.cancelled.isEmpty)
        await router.cancel(request.id)
        #expect(await task.value?.code == .cancelled)
        #expect(slow.cancelled == [request.id])
        // While it waits for a pause to end.
        slow.will([.failure(.capacity(retryAfterSeconds: 60), seconds: 0)])
        let waiting = Task { await router.error(scene.request { $0.id = "waiting" }) }
        #expect(try await becomesTrue { slow.requests.count >= 2 })
        await router.cancel("waiting")
        #expect(await waiting.value?.code == .cancelled)
    }

    @Test func `attempts end somewhere`() async throws {
        let providers = (0..<9).map { scene.provider("p\($0)", cost: Double($0), .failure(.server("x"))) }
        #expect(try await scene.error(providers, scene.request())?.code == .noProviderAvailable)
        #expect(providers.map(\.requests.count).reduce(0, +) == scene.policy.maxAttempts)
    }

    @Test func `a request out of range is refused before anybody is asked`() async throws {
        let provider = scene.provider("p")
        for change: (inout VideoRequest) -> Void in [
            { $0.id = String(repeating: "x", count: 241) }, { $0.maxCostDollars = -1 },
            { $0.maxLatencySeconds = .nan }, { $0.durationSeconds = .infinity },
            { $0.resolution = Resolution(shorterSide: .max) },
            { $0.aspectRatio = AspectRatio(width: 0, height: 0) }, { $0.frames = .max },
        ] {
            #expect(try await scene.error([provider], scene.request(change))?.code == .badRequest)
        }
        #expect(provider.healthChecks == 0)
        #expect(try await scene.error([], scene.request())?.code == .noProviderAvailable)
    }

    @Test func `hostile capabilities do no harm`() async throws {
        let odd = scene.provider("odd", cost: .nan, p50: .nan, p90: .nan)
        odd.change {
            $0.limits = ProviderCapabilities.Limits(
                maxDurationSeconds: .nan, maxPixels: .min, sizeStep: 0, frameStep: .min, maxPromptBytes: .max)
            $0.amortisedCostPerSecond = .infinity
            $0.estimate = TimeEstimate(queueSeconds: .infinity, p50: -.infinity, p90: .nan)
        }
        let good = scene.provider("good", cost: 3)
        let request = scene.request {
            $0.maxCostDollars = 4
            $0.maxLatencySeconds = 100
            $0.frames = 81
            $0.resolution = .p480
        }
        #expect(try await scene.router([odd, good]).clip(request).provider == "good")
        #expect(odd.requests.isEmpty)
        // A price of a thousandth of nothing, and less.
        let negative = scene.provider("negative", cost: -5)
        let clip = try await scene.router([negative]).clip(scene.request { $0.maxCostDollars = 0 })
        #expect("\(clip.metadata["routing"] ?? .null)".contains(#""spent_dollars": 0.0"#))
    }

    @Test func `what is known about failures outlives the router`() async throws {
        let memory = MemoryBox()
        let bad = scene.provider("bad", .failure(.server("x"), seconds: 0))
        let good = scene.provider("good", cost: 1)
        let first = try scene.router([bad, good], memory: memory)
        for _ in 0..<2 { _ = try await first.clip(scene.request()) }
        let count = bad.requests.count
        let second = try scene.router([bad, good], memory: memory)
        _ = try await second.clip(scene.request())
        #expect(bad.requests.count == count)
        memory.bytes.withLock { $0 = Array("{".utf8) }
        _ = try await scene.router([bad, good], memory: memory).clip(scene.request())
        #expect(bad.requests.count == count + 2)
    }
}

/// A memory that is not a file.
final class MemoryBox: RouterMemory {
    let bytes = Mutex<[UInt8]?>(nil)

    func load() throws -> [UInt8]? { bytes.withLock { $0 } }
    func save(_ saved: [UInt8]) throws { bytes.withLock { $0 = saved } }
}

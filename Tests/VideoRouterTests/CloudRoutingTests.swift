import StrictJSON
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// A router over clouds: who is asked, and what may be spent.
@Suite(.bounded, .needs("python3", "ffmpeg")) struct CloudRoutingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func place(_ cloud: String) throws -> CloudCase {
        try #require(CloudCase.all.first { $0.cloud == cloud })
    }

    private func router(
        _ providers: [CloudProvider], _ change: (inout RoutingPolicy) -> Void = { _ in }
    ) throws -> VideoRouter {
        var policy = RoutingPolicy()
        policy.retryDelaySeconds = 0.01
        policy.longestCooldownWaitSeconds = 0
        change(&policy)
        return try VideoRouter(
            providers, policy: policy, promises: nil, memory: nil, log: nil, clock: .system, random: { 0.5 },
            gate: { _, _ in ClipJudgement(.good) })
    }

    private func bed(_ clouds: String...) throws -> CloudBed {
        let bed = try CloudBed(clouds)
        for cloud in clouds { try bed.reset(cloud) }
        return bed
    }

    private func error(_ router: VideoRouter, _ request: VideoRequest) async -> RouterError? {
        do throws(RouterError) {
            _ = try await router.generate(request)
            return nil
        } catch {
            return error
        }
    }

    private func request() -> VideoRequest {
        var request = VideoRequest(prompt: "a red ball")
        request.durationSeconds = 5
        return request
    }

    @Test func `a price that nobody told is not 0`() async throws {
        let bed = try bed("fal", "luma")
        let book = try OrderBook(path: folder.file("orders"))
        let (fal, luma) = try (
            place("fal").provider(bed, folder, book: book), place("luma").provider(bed, folder, book: book)
        )
        #expect(try await luma.generate(request(), progress: { _ in }).knownCostDollars == nil)
        #expect(try await fal.generate(request(), progress: { _ in }).knownCostDollars == 0.56)
    }

    /// What an earlier process had made when it was killed, before it could say so.
    @Test(arguments: [false, true])
    func `a clip that is there is not bought again, whoever would be asked first now`(_ isAllowed: Bool) async throws {
        let bed = try bed("fal", "runway")
        let book = try OrderBook(path: folder.file("orders"))
        let fal = try place("fal").provider(bed, folder, book: book)
        let runway = try place("runway").provider(bed, folder, book: book)
        var request = request()
        request.maxCostDollars = 1
        let clip = try await router([fal]).clip(request)
        request.maxCostDollars = clip.costDollars
        // Runway is tried first where nobody has made anything.
        let both = try router([runway, fal]) {
            $0.contentRules = [ContentRule(words: ["ball"], prefers: ["runway"])]
            $0.allowsPayingTwice = isAllowed
        }
        #expect(try await both.explain(request).first?.provider == "fal")
        let again = try await both.clip(request)
        #expect(again.path == clip.path && again.provider == "fal")
        #expect(try bed.jobs("runway").isEmpty && bed.jobs("fal").count == 1)
        var other = self.request()
        other.maxCostDollars = 1
        #expect(try await both.explain(other).first?.provider == "runway")
    }

    @Test(arguments: [false, true])
    func `another cloud is asked after a lost answer only where paying twice is allowed`(
        _ isAllowed: Bool
    ) async throws {
        let bed = try bed("fal", "runway")
        let book = try OrderBook(path: folder.file("orders"))
        let providers = try ["fal", "runway"].map { try place($0).provider(bed, folder, book: book) }
        let router = try router(providers) { $0.allowsPayingTwice = isAllowed }
        try bed.script("fal", #""submit": [{"fault": "drop_after"}]"#)
        try bed.script("runway", #""submit": [{"fault": "drop_after"}]"#)
        var request = request()
        request.maxCostDollars = 2
        let error = await error(router, request)
        #expect(error?.code == .noProviderAvailable)
        let orders = try ["fal", "runway"].map { try bed.jobs($0).count }
        #expect(orders.reduce(0, +) == (isAllowed ? 2 : 1))
        // What may have been charged stands against the limit, in a later process too.
        let ranked = try await router.explain(request).filter { $0.obstacles.isEmpty }.map(\.provider)
        #expect(ranked == (isAllowed ? ["runway", "fal"] : ["runway"]))
        #expect(book.totalDollars > (isAllowed ? 1 : 0.5))
    }

    @Test func `a key that does not do shuts out all models of its account`() async throws {
        let bed = try bed("fal", "runway")
        let book = try OrderBook(path: folder.file("orders"))
        let fal = try place("fal").desk(bed, folder, book: book)
        let providers = [
            try CloudProvider("cheap", fal, model: "kling-v3-standard"),
            try CloudProvider("dear", fal, model: "kling-v3-pro"),
            try place("runway").provider(bed, folder, book: book),
        ]
        let router = try router(providers)
        try bed.script("fal", #""submit": [{"fault": "auth"}]"#)
        #expect(await error(router, request()) == nil)
        let found = try await router.explain(request())
        let refused = found.filter { $0.provider != "runway" }
        #expect(refused.count == 2 && refused.allSatisfy { $0.obstacles.map(\.kind) == [.breaker] })
        #expect(found.first?.provider == "runway")
        try await router.reset("cheap")
        let mended = try await router.explain(request())
        #expect(mended.allSatisfy { $0.obstacles.isEmpty })
    }

    @Test func `a price over the limit, and one that nobody told, are not bought`() async throws {
        let bed = try bed("fal", "together")
        let book = try OrderBook(path: folder.file("orders"))
        let router = try router(try ["fal", "together"].map { try place($0).provider(bed, folder, book: book) })
        var request = request()
        request.maxCostDollars = 0.5
        #expect(await error(router, request)?.code == .budget)
        #expect(try bed.jobs("fal").isEmpty && bed.jobs("together").isEmpty)
        request.maxCostDollars = 0.57
        #expect(await error(router, request) == nil)
        #expect(try bed.jobs("fal").count == 1)
    }

    @Test func `what was spent before a restart counts against the limit`() async throws {
        let bed = try bed("fal", "runway")
        let book = try OrderBook(path: folder.file("orders"))
        let providers = try ["fal", "runway"].map { try place($0).provider(bed, folder, book: book) }
        var request = request()
        request.maxCostDollars = 0.6
        try bed.script(
            "fal", #""download": [\#(Array(repeating: #"{"fault": "expired"}"#, count: 9).joined(separator: ","))]"#)
        do throws(ProviderError) {
            _ = try await providers[0].generate(request) { _ in }
            Issue.record("a clip came")
        } catch {
            #expect(error.name == "corrupt_output")
        }
        // Another router knows of it only by the book: 0.56 of 0.60 are gone.
        let router = try router(providers)
        #expect(await error(router, request)?.code == .budget)
        #expect(try bed.jobs("fal").count == 1 && bed.jobs("runway").isEmpty)
    }

    @Test func `slots of an account are never passed, and who waits is not lost`() async throws {
        let bed = try bed("fal")
        let book = try OrderBook(path: folder.file("orders"))
        try bed.script("fal", #""working_polls": 10"#)
        let provider = try place("fal").provider(bed, folder, book: book) { $0.slots = 2 }
        let most = try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<6 {
                var request = request()
                request.prompt = "clip \(number)"
                group.addTask { [request] in _ = try await provider.generate(request) { _ in } }
            }
            var most = 0
            while book.times("fal", last: 100).count < 6 {
                most = max(most, book.openCount)
                try await Task.sleep(for: .milliseconds(5))
            }
            try await group.waitForAll()
            return most
        }
        #expect((1...2).contains(most) && provider.desk.queueLength == 0)
        let said = try await provider.capabilities(for: request())
        #expect(said.estimate?.p50 ?? 0 > 0)
    }

    @Test func `an empty clip is made once more where a cloud takes no seed`() async throws {
        let bed = try bed("fal")
        let fal = try place("fal").provider(bed, folder, book: try OrderBook(path: folder.file("orders")))
        let looks = Mutex(0)
        let router = try VideoRouter(
            [fal], policy: RoutingPolicy(), promises: nil, memory: nil, log: nil, clock: .system, random: { 0.5 },
            gate: { _, _ in
                let isFirst = looks.withLock { count in
                    count += 1
                    return count == 1
                }
                return ClipJudgement(isFirst ? .empty("the clip is black", isFault: false) : .good)
            })
        #expect(try await router.clip(request()).frames == 24)
        #expect(try bed.jobs("fal").count == 2 && looks.withLock { $0 } == 2)
        // Paid twice, and told so.
        #expect(abs(fal.desk.book.totalDollars - 1.12) < 1e-9)
    }
}

import Synchronization
import Testing
import VideoTypes

@testable import VideoRouter

/// What the tests of the router share: a clock, capabilities, a router that does not look at clips.
struct Scene {
    let clock = ManualClock()
    var policy = RoutingPolicy()

    init() { policy.retryDelaySeconds = 0 }

    static let limits = ProviderCapabilities.Limits(
        maxDurationSeconds: 10, maxPixels: 1280 * 720, sizeStep: 16, frameStep: 4)

    /// A provider that makes everything in a minute.
    func provider(
        _ name: String, cost: Double = 0, p50: Double = 30, p90: Double = 60, queue: Double = 0,
        qualities: Set<Quality> = Set(Quality.allCases), _ acts: FakeProvider.Act...
    ) -> FakeProvider {
        let capabilities = ProviderCapabilities(
            provider: name, model: name + "-1", limits: Self.limits, qualities: qualities,
            estimate: TimeEstimate(queueSeconds: queue, p50: p50, p90: p90), marginalCostPerSecond: cost / 5,
            amortisedCostPerSecond: cost / 5, costDollars: cost, isWarm: true)
        let provider = FakeProvider(name, clock, capabilities)
        if !acts.isEmpty { provider.will(acts) }
        return provider
    }

    func router(
        _ providers: [any VideoProvider], promises: (any PromiseKeeper)? = nil, memory: (any RouterMemory)? = nil,
        log: DecisionLog? = nil,
        gate: @escaping @Sendable (String, ClipExpectation) -> ClipJudgement = { _, _ in ClipJudgement(.good) }
    ) throws -> VideoRouter {
        try VideoRouter(
            providers, policy: policy, promises: promises, memory: memory, log: log, clock: clock.routerClock,
            random: { 0.5 }, gate: gate)
    }

    /// The error of a request where there must be one.
    func error(_ providers: [any VideoProvider], _ request: VideoRequest) async throws -> RouterError? {
        await (try router(providers)).error(request)
    }

    func request(_ change: (inout VideoRequest) -> Void = { _ in }) -> VideoRequest {
        var request = VideoRequest(prompt: "a red circle moves up")
        change(&request)
        return request
    }
}

extension VideoRouter {
    /// The clip, where there must be one.
    func clip(_ request: VideoRequest, options: RoutingOptions = RoutingOptions()) async throws -> VideoResult {
        switch try await generate(request, options: options) {
        case .done(let clip), .empty(let clip, _): return clip
        case .promised: throw RouterError(.configuration, "promised")
        }
    }

    /// The error, where there must be one.
    func error(_ request: VideoRequest, options: RoutingOptions = RoutingOptions()) async -> RouterError? {
        do throws(RouterError) {
            _ = try await generate(request, options: options)
            return nil
        } catch {
            return error
        }
    }
}

/// Promises in memory.
final class PromiseList: PromiseKeeper {
    private let list = Mutex<[KeptRequest]>([])
    /// Whether nothing can be dropped.
    let isStuck = Mutex(false)

    func keep(_ kept: KeptRequest) async throws {
        list.withLock { list in
            list.removeAll { $0.request.id == kept.request.id }
            list.append(kept)
        }
    }

    func all() async throws -> [KeptRequest] { list.withLock { $0 } }

    func settle(_ id: VideoRequest.ID) async throws {
        if isStuck.withLock({ $0 }) { throw RouterError(.configuration, "stuck") }
        list.withLock { $0.removeAll { $0.request.id == id } }
    }
}

import Synchronization
import TestTools
import VideoTypes

@testable import VideoRouter

/// A provider that does what a test tells it to.
final class FakeProvider: VideoProvider {
    /// What one call of `generate` comes to.
    enum Act: Sendable {
        /// A clip, after so many seconds; its cost is the quoted one where nil.
        case clip(seconds: Double = 1, cost: Double? = nil)
        case failure(ProviderError, seconds: Double = 1)
        /// Moves the clock on and then waits until it is cancelled.
        case hang(seconds: Double)
        /// The same, and does not hear that it is cancelled.
        case deaf(seconds: Double)
        /// Blocks its thread until it is released.
        case block
    }

    private struct State {
        var acts: [Act]
        var capabilities: ProviderCapabilities
        var capabilitiesError: ProviderError?
        var isSilent = false
        var health = ProviderHealth.ready
        var healthChecks = 0
        var timesAsked = 0
        var requests: [VideoRequest] = []
        var cancelled: [VideoRequest.ID] = []
        var deaf: [CheckedContinuation<Void, Never>] = []
        var isReleased = false
    }

    let name: String
    private let clock: ManualClock
    private let state: Mutex<State>

    init(_ name: String, _ clock: ManualClock, _ capabilities: ProviderCapabilities) {
        self.name = name
        self.clock = clock
        state = Mutex(State(acts: [.clip()], capabilities: capabilities))
    }

    /// What it was asked to make, in order.
    var requests: [VideoRequest] { state.withLock { $0.requests } }
    var cancelled: [VideoRequest.ID] { state.withLock { $0.cancelled } }
    var healthChecks: Int { state.withLock { $0.healthChecks } }
    /// How often somebody wanted to know what it can do.
    var timesAsked: Int { state.withLock { $0.timesAsked } }

    func change(_ body: (inout ProviderCapabilities) -> Void) { state.withLock { body(&$0.capabilities) } }
    /// One act a call, the last one for all that follow.
    func will(_ acts: [Act]) { state.withLock { $0.acts = acts } }
    func failToTell(_ error: ProviderError?) { state.withLock { $0.capabilitiesError = error } }
    func fallSilent() { state.withLock { $0.isSilent = true } }
    func set(_ health: ProviderHealth) { state.withLock { $0.health = health } }

    /// Ends what does not hear and what blocks.
    func release() {
        let deaf = state.withLock { state in
            state.isReleased = true
            defer { state.deaf = [] }
            return state.deaf
        }
        for continuation in deaf { continuation.resume() }
    }

    func capabilities(for request: VideoRequest) async throws(ProviderError) -> ProviderCapabilities {
        let (capabilities, error, isSilent) = state.withLock { state in
            state.timesAsked += 1
            return (state.capabilities, state.capabilitiesError, state.isSilent)
        }
        if isSilent { await waitDeaf() }
        if let error { throw error }
        return capabilities
    }

    func generate(
        _ request: VideoRequest, progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(ProviderError) -> VideoResult {
        let (act, capabilities) = state.withLock { state in
            state.requests.append(request)
            return (state.acts.count > 1 ? state.acts.removeFirst() : state.acts[0], state.capabilities)
        }
        progress(VideoProgress(stage: .denoise, completed: 0, total: 1))
        switch act {
        case .clip(let seconds, let cost):
            clock.advance(by: seconds)
            return VideoResult(
                path: "/clips/\(name)/\(request.id)", provider: name, model: capabilities.model,
                durationSeconds: request.durationSeconds ?? 5, frames: 81, width: 832, height: 480,
                costDollars: cost ?? capabilities.costDollars, latencySeconds: seconds,
                metadata: ["seed": .unsigned(request.seed ?? 0)])
        case .failure(let error, let seconds):
            clock.advance(by: seconds)
            throw error
        case .hang(let seconds):
            clock.advance(by: seconds)
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
            throw .cancelled
        case .deaf(let seconds):
            clock.advance(by: seconds)
            await waitDeaf()
            progress(VideoProgress(stage: .decode, completed: 1, total: 1))
            throw .server("too late")
        case .block:
            _ = eventually { state.withLock { $0.isReleased } }
            throw .server("blocked")
        }
    }

    func healthCheck() async -> ProviderHealth {
        state.withLock { state in
            state.healthChecks += 1
            return state.health
        }
    }

    func cancel(_ id: VideoRequest.ID) async { state.withLock { $0.cancelled.append(id) } }

    private func waitDeaf() async {
        await withCheckedContinuation { continuation in
            let isReleased = state.withLock { state in
                if !state.isReleased { state.deaf.append(continuation) }
                return state.isReleased
            }
            if isReleased { continuation.resume() }
        }
    }
}

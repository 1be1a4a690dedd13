import Synchronization

/// The rope by which a running request can be stopped from outside.
final class RouteHandle: Sendable {
    private struct State {
        var isCancelled = false
        var stop: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    var isCancelled: Bool { state.withLock { $0.isCancelled } || Task.isCancelled }

    func cancel() {
        let stop = state.withLock { state in
            state.isCancelled = true
            return state.stop
        }
        stop?()
    }

    /// Runs one wait of the request: a call, a pause.
    func run<Value: Sendable>(
        _ attempt: Attempt<Value>, until end: Double?, _ clock: RouterClock,
        _ work: @escaping @Sendable () async -> Value
    ) async -> Attempt<Value>.End {
        let isCancelled = state.withLock { state in
            state.stop = { attempt.cancel() }
            return state.isCancelled
        }
        if isCancelled { attempt.cancel() }
        defer { state.withLock { $0.stop = nil } }
        return await attempt.run(until: end, clock, work)
    }
}

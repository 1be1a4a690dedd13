import Synchronization

/// One call of a provider that is waited for no longer than allowed: what comes later is not heard.
final class Attempt<Value: Sendable>: Sendable {
    /// How it ended for the caller.
    enum End: Sendable {
        case finished(Value)
        case timedOut
        case cancelled
    }

    private struct State {
        var end: End?
        var waiting: CheckedContinuation<End, Never>?
        var tasks: [Task<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Whether anybody still waits for it.
    var isOpen: Bool { state.withLock { $0.end == nil } }

    /// Runs the work until it ends, the time comes, or somebody cancels; only once.
    ///
    /// - Parameter end: of the clock; nil to wait for ever.
    func run(
        until end: Double?, _ clock: RouterClock, _ work: @escaping @Sendable () async -> Value
    ) async -> End {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if let end = state.end {
                        continuation.resume(returning: end)
                        return true
                    }
                    state.waiting = continuation
                    return false
                }
                if !isOver { start(until: end, clock, work) }
            }
        } onCancel: {
            finish(.cancelled)
        }
    }

    func cancel() { finish(.cancelled) }

    private func start(until end: Double?, _ clock: RouterClock, _ work: @escaping @Sendable () async -> Value) {
        var tasks = [
            Task(executorPreference: CallThread()) { [self] in
                let value = await work()
                finish(.finished(value))
            }
        ]
        if let end {
            tasks.append(
                Task { [self] in
                    do throws(CancellationError) {
                        try await clock.sleep(end)
                        finish(.timedOut)
                    } catch {}
                })
        }
        let started = tasks
        let isOver = state.withLock { state in
            state.tasks = started
            return state.end != nil
        }
        guard isOver else { return }
        for task in started { task.cancel() }
    }

    /// The first end counts; whatever still runs is told to stop.
    private func finish(_ end: End) {
        let (waiting, tasks) = state.withLock { state -> (CheckedContinuation<End, Never>?, [Task<Void, Never>]) in
            guard state.end == nil else { return (nil, []) }
            state.end = end
            defer {
                state.waiting = nil
                state.tasks = []
            }
            return (state.waiting, state.tasks)
        }
        for task in tasks { task.cancel() }
        waiting?.resume(returning: end)
    }
}

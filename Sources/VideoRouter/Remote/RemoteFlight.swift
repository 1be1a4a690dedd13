import Synchronization
import VideoTypes

/// One clip under way, for all who asked for it by the same id.
///
/// Who is cancelled stops waiting at once; when nobody waits any more, the work is cancelled.
final class RemoteFlight: Sendable {
    typealias Outcome = Result<VideoResult, ProviderError>

    private struct State {
        var waiters: [Int: CheckedContinuation<Outcome, Never>] = [:]
        var listeners: [Int: @Sendable (VideoProgress) -> Void] = [:]
        var cancelled: Set<Int> = []
        var next = 0
        var outcome: Outcome?
        var task: Task<Void, Never>?
        var isAbandoned = false
    }

    private let state = Mutex(State())

    /// Begins the work; called once.
    func start(_ work: @escaping @Sendable (RemoteFlight) async -> Outcome) {
        let task = Task { [self] in
            let outcome = await work(self)
            let waiters = state.withLock { state in
                state.outcome = outcome
                state.task = nil
                state.listeners = [:]
                defer { state.waiters = [:] }
                return state.waiters.values.map { $0 }
            }
            for waiter in waiters { waiter.resume(returning: outcome) }
        }
        let isTooLate = state.withLock { state in
            if state.outcome == nil { state.task = task }
            return state.isAbandoned
        }
        if isTooLate { task.cancel() }
    }

    func tell(_ progress: VideoProgress) {
        for listener in state.withLock({ $0.listeners.sorted { $0.key < $1.key }.map(\.value) }) { listener(progress) }
    }

    /// A seat for one who waits; nil where everybody has left and the work is being stopped.
    func join(_ listener: @escaping @Sendable (VideoProgress) -> Void) -> Int? {
        state.withLock { state in
            guard !state.isAbandoned else { return nil }
            state.next += 1
            state.listeners[state.next] = listener
            return state.next
        }
    }

    func wait(_ seat: Int) async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known = state.withLock { state -> Outcome? in
                    if let outcome = state.outcome { return outcome }
                    if state.cancelled.contains(seat) { return .failure(.cancelled) }
                    state.waiters[seat] = continuation
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            leave(seat)
        }
    }

    /// Ends the wait of everybody, and the work.
    func abandon() {
        let (waiters, task) = state.withLock { state in
            state.isAbandoned = true
            state.cancelled.formUnion(state.listeners.keys)
            state.listeners = [:]
            defer { state.waiters = [:] }
            return (state.waiters.values.map { $0 }, state.task)
        }
        task?.cancel()
        for waiter in waiters { waiter.resume(returning: .failure(.cancelled)) }
    }

    private func leave(_ seat: Int) {
        let (waiter, task) = state.withLock { state in
            guard state.outcome == nil, state.listeners.removeValue(forKey: seat) != nil else {
                return (nil as CheckedContinuation<Outcome, Never>?, nil as Task<Void, Never>?)
            }
            state.cancelled.insert(seat)
            if state.listeners.isEmpty { state.isAbandoned = true }
            return (state.waiters.removeValue(forKey: seat), state.listeners.isEmpty ? state.task : nil)
        }
        task?.cancel()
        waiter?.resume(returning: .failure(.cancelled))
    }
}

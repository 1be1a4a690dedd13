import Synchronization
import TestTools

@testable import VideoRouter

/// A clock that goes on only when it is told to.
final class ManualClock: Sendable {
    private struct Sleeper {
        let end: Double
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var now = 1000.0
        var unixTime = 1_700_000_000.0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
        var next = 0
    }

    private let state = Mutex(State())

    var now: Double { state.withLock { $0.now } }

    /// How often somebody began to wait, and how many wait now.
    var sleeps: Int { state.withLock { $0.next } }
    var sleeping: Int { state.withLock { $0.sleepers.count } }

    /// Moves both clocks on and wakes who has waited long enough.
    func advance(by seconds: Double) {
        let woken = state.withLock { state in
            state.now += seconds
            state.unixTime += seconds
            let due = state.sleepers.filter { $0.value.end <= state.now }
            for key in due.keys { state.sleepers[key] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume(returning: true) }
    }

    /// Moves the wall clock alone, as a person or a time server does.
    func stepWallClock(by seconds: Double) { state.withLock { $0.unixTime += seconds } }

    /// Waits until somebody waits for this time, and lets it come.
    func reach(_ time: Double) async {
        _ = try? await becomesTrue {
            state.withLock { $0.sleepers.values.contains { abs($0.end - time) < 1e-6 } }
        }
        advance(by: time - now)
    }

    var routerClock: RouterClock {
        RouterClock(
            now: { self.now }, unixTime: { self.state.withLock { $0.unixTime } },
            sleep: { end throws(CancellationError) in try await self.sleep(end) })
    }

    private func sleep(_ end: Double) async throws(CancellationError) {
        let key = state.withLock { state in
            state.next += 1
            return state.next
        }
        let isDue = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Bool? in
                    if state.cancelled.remove(key) != nil { return false }
                    if end <= state.now { return true }
                    state.sleepers[key] = Sleeper(end: end, continuation: continuation)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: key)
                if sleeper == nil { state.cancelled.insert(key) }
                return sleeper
            }
            sleeper?.continuation.resume(returning: false)
        }
        if !isDue { throw CancellationError() }
    }
}

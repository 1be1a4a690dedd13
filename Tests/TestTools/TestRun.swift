import Foundation
import Synchronization
import Testing

/// The run of all tests: whose turn it is, who takes too long, and what is said of it at its end.
package final class TestRun: Sendable {
    package static let shared = TestRun()

    /// Whether nothing may be skipped for want of a tool.
    package static let needsAll = ProcessInfo.processInfo.environment["CI"] == "true"

    /// Hundreds at once would take each other's time, ports and memory.
    private static let width = min(8, 2 * ProcessInfo.processInfo.activeProcessorCount + 1)
    /// Tests that compute long have so many turns at most: beside them the many that mostly wait go on.
    private static let widthForLong = width / 2
    static let threads = TestThreads(count: 4 * width)

    private struct Waiting {
        let number: Int
        let limit: Duration
        let turn: CheckedContinuation<Void, Never>

        var isLong: Bool { limit > Bounded.usual }
    }

    private struct Running {
        let name: String
        let limit: Duration
        let start: ContinuousClock.Instant
    }

    private struct State {
        var next = 0
        var waiting: [Waiting] = []
        var running: [Int: Running] = [:]
        /// By number: turns given away, and whether to a test that computes long; it may not have begun yet.
        var turns: [Int: Bool] = [:]

        var hasTurnForLong: Bool { turns.values.count { $0 } < TestRun.widthForLong }
        var seconds: [String: Double] = [:]
        var skipped: [String] = []
    }

    private let state = Mutex(State())
    private let start = ContinuousClock.now

    private init() {
        Thread.detachNewThread { [self] in
            while true {
                sleep(1)
                endIfOneHangs()
            }
        }
        atexit { TestRun.shared.report() }
    }

    static func name(_ test: Test) -> String {
        "\(test.sourceLocation.fileName.replacing(".swift", with: "")): \(test.displayName ?? test.name)"
    }

    func skipped(_ test: Test, because reason: String) {
        state.withLock { $0.skipped.append("\(Self.name(test)) (\(reason))") }
    }

    /// Waits for a turn; the number to end it with.
    package func begin(_ name: String, _ limit: Duration) async -> Int {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withCheckedContinuation { turn in
            state.withLock { $0.waiting.append(Waiting(number: number, limit: limit, turn: turn)) }
            giveTurns()
        }
        let running = Running(name: name, limit: limit, start: .now)
        state.withLock { $0.running[number] = running }
        return number
    }

    func end(_ number: Int) {
        state.withLock { state in
            state.turns[number] = nil
            guard let test = state.running.removeValue(forKey: number) else { return }
            state.seconds[test.name, default: 0] += (ContinuousClock.now - test.start) / .seconds(1)
        }
        giveTurns()
    }

    private func giveTurns() {
        let chosen: [Waiting] = state.withLock { state in
            var chosen: [Waiting] = []
            // Who may take longest goes first, lest it be left alone at the end; then the next of a suite in series.
            while state.turns.count < Self.width,
                let index = state.waiting.indices.filter({ state.hasTurnForLong || !state.waiting[$0].isLong })
                    .max(by: {
                        (state.waiting[$0].limit, state.waiting[$0].number)
                            < (state.waiting[$1].limit, state.waiting[$1].number)
                    })
            {
                let next = state.waiting.remove(at: index)
                state.turns[next.number] = next.isLong
                chosen.append(next)
            }
            return chosen
        }
        for one in chosen { one.turn.resume() }
    }

    private func endIfOneHangs() {
        let running = state.withLock { Array($0.running.values) }
        let now = ContinuousClock.now
        guard running.contains(where: { now - $0.start > $0.limit }) else { return }
        var text = "\nA test takes longer than it may; the run ends here. These were running:\n"
        for test in running.sorted(by: { $0.start < $1.start }) {
            text += "  \(Self.text((now - test.start) / .seconds(1))) of \(test.limit): \(test.name)\n"
        }
        FileHandle.standardError.write(Data(text.utf8))
        for child in ProcessTable.descendants(of: getpid()) { kill(child, SIGKILL) }
        fflush(nil)
        _exit(1)
    }

    /// What was slow, and what was skipped.
    private func report() {
        let (seconds, skipped) = state.withLock { ($0.seconds, $0.skipped.sorted()) }
        var text = ""
        let took = (ContinuousClock.now - start) / .seconds(1)
        if took > 60 {
            text += "\nThe run took \(Self.text(took)), and \(Self.text(Self.processorSeconds)) of processor time.\n"
            text += "The slowest of \(seconds.count) tests:\n"
            for test in seconds.sorted(by: { $0.value > $1.value }).prefix(10) {
                text += "  \(Self.text(test.value)) \(test.key)\n"
            }
        }
        if !skipped.isEmpty { text += "\nSkipped, \(skipped.count) of \(seconds.count + skipped.count) tests:\n" }
        for test in skipped { text += "  \(test)\n" }
        if text.isEmpty { return }
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// Of this process and of those that it started and that have ended.
    private static var processorSeconds: Double {
        [RUSAGE_SELF.rawValue, RUSAGE_CHILDREN.rawValue].reduce(0) { sum, who in
            var usage = rusage()
            unsafe getrusage(who, &usage)
            return sum + Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        }
    }

    private static func text(_ seconds: Double) -> String { "\(Int(seconds.rounded())) s" }
}

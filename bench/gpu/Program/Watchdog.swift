import FoundationEssentials
import Threads

#if canImport(Glibc)
import Glibc
#endif

/// Ends the process when the GPU does not come back from what it was given: a kernel that hangs would otherwise take all
/// that was to be measured after it.
///
/// What is begun is named in a file first, so that it is known whatever ends the process.
final class Watchdog: Sendable {
    /// The process's status when a watchdog ended it.
    static let status: Int32 = 3

    private struct Work {
        let name: String
        var deadline: ContinuousClock.Instant
    }

    private let work = Monitor<Work?>(nil)
    private let patience: Duration
    private let file: String?

    /// - Parameters:
    ///   - patience: how long the GPU may take for what is watched, without a sign of life.
    ///   - file: gets the name of what was begun last.
    init(patience: Duration, file: String?) {
        self.patience = patience
        self.file = file
        OwnThread { [work, patience] in Self.watch(work, patience) }?.detach()
    }

    /// Runs `body`, which waits for the GPU.
    func watch<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
        if let file { try? Data("\(name)\n".utf8).write(to: URL(filePath: file)) }
        work.change { $0 = Work(name: name, deadline: .now + patience) }
        defer { work.change { $0 = nil } }
        return try body()
    }

    /// A sign of life of what is watched.
    func beat() { work.change { $0?.deadline = .now + patience } }

    private static func watch(_ work: Monitor<Work?>, _ patience: Duration) {
        while true {
            _ = work.wait { $0 }
            work.wait(seconds: 0.1) { _ in false }
            guard let late = work.wait({ .some($0) }), late.deadline < .now else { continue }
            BenchOutput.complain("gpu-bench: \(late.name): no answer from the GPU for \(patience)")
            // Nothing is tidied up: whoever waits for the GPU waits for ever.
            _exit(status)
        }
    }
}

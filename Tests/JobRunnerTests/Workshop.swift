import Foundation
import Synchronization
import TestSupport
import TestTools
import VideoProvider
import VideoTypes

@testable import JobRunner
@testable import JobStore
@testable import fake_service

/// A journal, a runner and a worker that pretends, in a folder of their own.
final class Workshop: Sendable {
    let store: JobStore
    let runner: JobRunner
    let folder: TemporaryFolder
    private let lines: LogLines

    /// The program lies beside the test bundle that is running.
    static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("fake-service").path

    /// - Parameters:
    ///   - folder: with what an earlier one left there; nil for a new one.
    ///   - fake: what the worker is told to do with every clip.
    init(
        _ folder: TemporaryFolder? = nil, fake: String = "", starts: Bool = true,
        change: (inout JobRunnerOptions) -> Void = { _ in }
    ) throws {
        self.folder = try folder ?? TemporaryFolder()
        store = try JobStore(folder: self.folder.path)
        _ = try store.recover()
        var options = JobRunnerOptions(workerCommand: [Self.program, "worker"])
        options.workerEnvironment = ["WAN_FAKE=\(fake)"]
        options.reserveBytes = 0
        options.restartDelaySeconds = 0.01
        options.maxRestartDelaySeconds = 0.05
        options.checkpointEverySteps = 2
        options.silenceFloorSeconds = 60
        options.progressSeconds = 0
        change(&options)
        let lines = LogLines()
        self.lines = lines
        runner = try JobRunner(store: store, options: options) { lines.add($0) }
        if starts { try runner.start() }
    }

    deinit {
        runner.stop()
        runner.join()
    }

    /// All that the owner of the machine was told.
    var told: String { lines.text }

    /// Lets `fake:held` clips make so many steps in all.
    func letPass(_ steps: Int) { FakeLeave.give(steps, in: folder.path) }

    func submit(seed: UInt64, steps: Int = 4, _ prompt: String = "bars") throws -> JobID {
        let order = FakeOrder.order(FakeOrder.settings(seed: seed, steps: steps, prompt: prompt))
        switch try runner.submit(order, owner: nil) {
        case .stored(.created(let job)): return job.id
        default: throw Refused()
        }
    }

    func job(_ id: JobID) throws -> Job {
        guard let job = try store.job(id) else { throw Refused() }
        return job
    }

    /// The job when it has come so far; what it is when it has been waited for long enough where it has not.
    func wait(_ id: JobID, until isSo: (Job) -> Bool) throws -> Job {
        var last = try job(id)
        _ = try eventually {
            last = try job(id)
            return isSo(last)
        }
        return last
    }

    func finished(_ id: JobID) throws -> Job { try wait(id) { $0.state.isFinal } }

    func wait(until isSo: (RunnerState) -> Bool) -> RunnerState {
        var last = runner.state
        _ = eventually {
            last = runner.state
            return isSo(last)
        }
        return last
    }

    func bytes(_ id: JobID) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: store.outputs.path(id))) }

    /// What the steps of the job were reported as.
    func steps(_ id: JobID) throws -> [String] {
        try store.events(of: id, after: 0).filter { $0.kind == .progress && $0.text.contains("denoise") }.map(\.text)
    }

    /// The clip that a worker without accidents makes.
    static func expected(seed: UInt64, steps: Int = 4, _ prompt: String = "bars") throws -> Data {
        let folder = try TemporaryFolder()
        let settings = FakeOrder.settings(seed: seed, steps: steps, prompt: prompt)
        let engine = FakeEngine(isCareful: true)
        _ = try engine.generate(settings, to: folder.file("clip.mp4"), checkpoint: nil) { _ in true }
        return try Data(contentsOf: URL(fileURLWithPath: folder.file("clip.mp4")))
    }

    struct Refused: Error {}
}

/// Lines that were logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    func add(_ line: String) { lines.withLock { $0.append(line) } }

    var text: String { lines.withLock { $0.joined(separator: "\n") } }
}

import Foundation
import JobRunner
import JobStore
import Media
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// The worker that the service starts, with the engine that the product has.
@Suite(.bounded) struct WorkerCommandTests {
    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path

    @Test func `nobody starts a worker by hand`() throws {
        let run = try Subprocess(Self.program, ["worker"])
        #expect(run.status == VideoError.Code.invalidRequest.exitStatus)
        #expect(run.errors.contains("a worker is started by the service only"))
        #expect(run.output.isEmpty)
    }

    @Test func `a worker that dies while it writes a checkpoint makes the same clip in the end`() throws {
        let folder = try TemporaryFolder()
        let (runner, store, job) = try order(steps: 6, in: folder) {
            $0.workerEnvironment = ["\(FailPoint.variable)=mid_checkpoint:2"]
            $0.checkpointEverySteps = 2
            $0.restartDelaySeconds = 0.01
        }
        defer {
            runner.stop()
            runner.join()
        }
        let made = try finished(job.id, store)
        #expect(made.state == .completed && made.attempt == 2, "\(made.error?.message ?? "")")
        #expect(runner.state.facts?.model == BuiltInModel.name)
        let first = folder.file("first.mp4")
        let words = [
            "a red ball", "--seed", "5", "--steps", "6", "--frames", "5", "--device", "cpu", "--output", first,
        ]
        #expect(try Subprocess(Self.program, words).status == 0)
        let expected = try Data(contentsOf: URL(fileURLWithPath: first))
        #expect(try Data(contentsOf: URL(fileURLWithPath: store.outputs.path(job.id))) == expected)
    }

    @Test func `a clip in the making can be looked at, and behind its end no more`() throws {
        let folder = try TemporaryFolder()
        let (runner, store, job) = try order(steps: 40, in: folder) { _ in }
        defer {
            runner.stop()
            runner.join()
        }
        var sketches: Set<[UInt8]> = []
        while try store.job(job.id)?.state.isFinal == false {
            if let sketch = runner.sketch(of: job.id) { sketches.insert(sketch) }
            usleep(1000)
        }
        #expect(sketches.count > 1)
        for sketch in sketches {
            let frame = try Picture(sketch).frame
            #expect(frame.width == 12 && frame.height == 12)
        }
        #expect(eventually { runner.sketch(of: job.id) == nil })
    }

    /// A clip of five frames of the model inside, given to a runner that has begun.
    private func order(
        steps: Int, in folder: TemporaryFolder, _ change: (inout JobRunnerOptions) -> Void
    ) throws -> (JobRunner, JobStore, Job) {
        var request = VideoRequest(prompt: "a red ball")
        (request.seed, request.steps, request.frames) = (5, steps, 5)
        let plan = try VideoPlanner(.builtIn).plan(for: request)
        let store = try JobStore(folder: folder.file("state"))
        _ = try store.recover()
        var options = JobRunnerOptions(workerCommand: [Self.program, "worker", "--device=cpu"])
        options.reserveBytes = 0
        change(&options)
        let runner = try JobRunner(store: store, options: options) { _ in }
        try runner.start()
        let order = JobOrder(plan: plan, requestHash: "1", expiresAfterSeconds: 3600)
        var created: Job?
        if case .stored(.created(let job)) = try runner.submit(order, owner: nil) { created = job }
        return (runner, store, try #require(created, "not stored"))
    }

    private func finished(_ id: JobID, _ store: JobStore) throws -> Job {
        var last = try #require(try store.job(id))
        _ = try eventually {
            last = try #require(try store.job(id))
            return last.state.isFinal
        }
        return last
    }
}

import Glibc
import JobRunner
import JobStore
import VideoTypes

/// Journal and runner without HTTP, spoken with in lines.
///
/// `submit KEY SEED STEPS PROMPT…` answers `stored KEY ID` or `refused KEY REASON`; `cancel ID`, `state` and `counts`
/// answer one line; at the end of the input the program drains.
struct QueueCommand {
    let stateFolder: String

    func run() throws(VideoError) {
        ParentWatch.start()
        let store: JobStore
        do throws(StoreError) {
            store = try JobStore(folder: stateFolder)
            _ = try store.recover()
        } catch {
            throw error.videoError
        }
        var options = JobRunnerOptions(workerCommand: [FakeService.path, "worker"])
        options.maxQueued = 10_000
        options.reserveBytes = 0
        options.restartDelaySeconds = 0.01
        options.checkpointEverySteps = 2
        let runner = try JobRunner(store: store, options: options) { FakeService.note($0) }
        try runner.start()
        while let line = readLine() {
            let words = line.split(separator: " ", maxSplits: 4).map(String.init)
            do throws(StoreError) {
                say(try answer(words, store, runner))
            } catch {
                say("error \(error)")
            }
        }
        runner.drain(seconds: 60)
        runner.join()
    }

    private func answer(_ words: [String], _ store: JobStore, _ runner: JobRunner) throws(StoreError) -> String {
        switch words.first {
        case "submit" where words.count >= 4:
            let settings = FakeOrder.settings(
                seed: UInt64(words[2]) ?? 0, steps: Int(words[3]) ?? 1, prompt: words.count > 4 ? words[4] : "bars")
            switch try runner.submit(FakeOrder.order(settings), owner: nil, idempotencyKey: words[1]) {
            case .stored(.created(let job)), .stored(.existing(let job)): return "stored \(words[1]) \(job.id)"
            case .stored: return "refused \(words[1]) store"
            case .refused(let refusal): return "refused \(words[1]) \(refusal.reason.rawValue)"
            }
        case "cancel" where words.count == 2:
            guard let id = JobID(words[1]), try runner.cancel(id) != nil else { return "unknown" }
            return "cancelled"
        case "state":
            let state = runner.state
            return "state \(state.worker.rawValue) healthy=\(state.isHealthy) restarts=\(state.restarts)"
        case "counts":
            let counts = try store.counts().jobs
            return "counts " + Job.State.allCases.map { "\($0.rawValue)=\(counts[$0] ?? 0)" }.joined(separator: " ")
        default: return "unknown"
        }
    }

    private func say(_ line: String) { FakeService.write(line, to: STDOUT_FILENO) }
}

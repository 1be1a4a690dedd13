import CProcess
import Files
import Glibc
import JobStore
import Synchronization
import VideoProvider
import VideoTypes

/// The runner's thread: keeps a worker alive, gives it one job after the other, and writes down what it says.
///
/// Everything waits in one place, `wait()`, and nothing else blocks for longer than a write to the disk.
final class Supervisor {
    let store: JobStore
    let options: JobRunnerOptions
    let board: RunnerBoard
    let log: @Sendable (String) -> Void
    private let bell: Doorbell

    private(set) var worker: WorkerProcess? {
        didSet { board.content.withLock { [worker] in $0.workerProcess = worker?.number } }
    }
    /// Whether the worker has said hello.
    private var isOpen = false
    private var startedAt = 0.0
    private var nextStart = 0.0
    private var starts = 0
    /// Killed, but not dead yet: a device that hangs can hold a process for long.
    private var dying: [WorkerProcess] = []
    var policy: RestartPolicy
    var running: RunningJob?
    /// No job is begun before this moment.
    var heldUntil = 0.0
    /// How often a job met a full disk.
    var fullDisks: [JobID: Int] = [:]
    var leases = LeaseWatch()
    private var isOver = false
    private var drainEnd: Double?

    /// Longest sleep, lest a lost wake-up last.
    private static let idleSeconds = 5.0

    init(
        store: JobStore, options: JobRunnerOptions, board: RunnerBoard, bell: Doorbell,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.store = store
        self.options = options
        self.board = board
        self.bell = bell
        self.log = log
        policy = RestartPolicy(options)
    }

    func run() {
        while true {
            obey()
            if isOver { break }
            keepWorker()
            keepClaim()
            keepClip()
            if worker != nil, isOpen, running == nil, drainEnd == nil { begin() }
            wait()
            listen()
        }
        leave()
        board.content.withLock { $0.worker = .stopped }
    }

    // MARK: what others want

    private func obey() {
        let requests = board.content.withLock { content in
            let requests = content.requests
            content.requests.dropped = []
            return requests
        }
        if let running, requests.dropped.contains(running.id) { drop(running) }
        drainEnd = requests.drainEnd
        if requests.stops {
            if let running {
                handBackNow(running)
                endWorker()
            }
            isOver = true
        } else if drainEnd != nil, running == nil {
            isOver = true
        } else if let drainEnd, SystemClock.monotonic() >= drainEnd, let running {
            if running.report == nil {
                running.stop(.handBack, within: options.graceSeconds, worker)
            } else {
                handBackNow(running)
            }
        }
    }

    // MARK: the worker's life

    private func keepWorker() {
        dying.removeAll { $0.reap() != nil }
        let now = SystemClock.monotonic()
        guard let worker else {
            if drainEnd == nil, now >= nextStart { startWorker(now) }
            return
        }
        if worker.isClosed {
            bury("ended")
        } else if let end = running?.stopEnd, now >= end {
            bury("did not stop in time")
        } else if now >= silenceEnd {
            bury("said nothing for \(Int(now - (running?.lastWord ?? startedAt))) seconds")
        }
    }

    private var silenceEnd: Double {
        guard let running else { return isOpen ? .infinity : startedAt + options.silenceFloorSeconds }
        // The worker has done its work.
        guard running.report == nil else { return .infinity }
        return running.lastWord + running.silenceLimit
    }

    private func startWorker(_ now: Double) {
        var environment = options.workerEnvironment + Self.environment
        // A fail point in a worker is reached once, or no attempt would get past it.
        if starts > 0 { environment.removeAll { $0.hasPrefix(FailPoint.variable + "=") } }
        startedAt = now
        board.content.withLock { [starts] in $0.restarts = starts }
        starts += 1
        do throws(VideoError) {
            worker = try WorkerProcess(options.workerCommand, environment: environment)
        } catch {
            log(error.message)
            trouble(error, now)
        }
    }

    private static var environment: [String] {
        var variables: [String] = []
        guard var next = unsafe process_environment() else { return [] }
        while let text = unsafe next.pointee {
            variables.append(unsafe String(cString: text))
            unsafe next += 1
        }
        return variables
    }

    /// Ends a worker that has died or must, and sees to the job it had.
    private func bury(_ reason: String) {
        guard let worker else { return }
        let ending = endWorker()
        let wasMeant = running?.stopReason != nil
        let what = running.map { "the worker (process \(worker.number), at \($0.id))" } ?? "the worker"
        log("\(what) \(reason)\(ending.map { " with \($0)" } ?? "")")
        if let running, running.report == nil { lost(running) }
        if wasMeant {
            board.content.withLock { $0.worker = .restarting }
            nextStart = 0
        } else {
            let problem = board.content.withLock { $0.problem }
            trouble(problem ?? VideoError(.workerCrashed, "the worker \(reason)"), SystemClock.monotonic())
        }
    }

    /// Notes a death and when to try again.
    private func trouble(_ error: VideoError, _ now: Double) {
        nextStart = now + policy.died()
        let isHealthy = policy.isHealthy
        board.content.withLock { content in
            content.worker = .restarting
            content.isHealthy = isHealthy
            content.problem = error
        }
    }

    /// Kills the worker, where it lives, and takes leave of it; tells how it ended if that is known soon.
    @discardableResult
    private func endWorker() -> String? {
        guard let worker else { return nil }
        self.worker = nil
        isOpen = false
        worker.kill()
        for _ in 0..<200 {
            if let ending = worker.reap() { return ending }
            usleep(5000)
        }
        dying.append(worker)
        return nil
    }

    /// Lets an idle worker end by itself, as long as that does not take long.
    private func leave() {
        if let worker, isOpen {
            worker.send(.shutdown)
            var one = pollfd(fd: worker.channel, events: Int16(POLLIN), revents: 0)
            unsafe _ = poll(&one, 1, 1000)
        }
        endWorker()
    }

    // MARK: waiting and listening

    private func wait() {
        let now = SystemClock.monotonic()
        var end = now + Self.idleSeconds
        if worker == nil, drainEnd == nil { end = min(end, nextStart) }
        if worker != nil { end = min(end, silenceEnd) }
        if let running { end = min(end, running.nextDeadline) }
        if let drainEnd, running?.stopReason == nil { end = min(end, drainEnd) }
        if heldUntil > now { end = min(end, heldUntil) }
        var files = [pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0)]
        if let worker {
            let events = worker.hasSomethingToSend ? POLLIN | POLLOUT : POLLIN
            files.append(pollfd(fd: worker.channel, events: Int16(events), revents: 0))
        }
        // Rounded up: to wake too early is to wake again.
        unsafe _ = poll(&files, UInt(files.count), Int32(max(0, end - now) * 1000) + 1)
    }

    private func listen() {
        bell.answer()
        worker?.flush()
        guard let worker else { return }
        // What a worker said before it had to be ended is of no use.
        for message in worker.receive() where self.worker === worker { hear(message) }
    }

    private func hear(_ message: WorkerMessage) {
        switch message {
        case .hello(let facts): welcome(facts)
        case .unusable(let error):
            log("the engine cannot be opened: \(error.message)")
            board.content.withLock { $0.problem = error }
        case .progress(let tag, let progress) where tag == running?.tag: proceed(progress)
        case .sketch(let tag, let picture) where tag == running?.tag:
            board.content.withLock { $0.running?.sketch = Base64.decode(picture) }
        case .finished(let tag, let report) where tag == running?.tag: finish(report)
        case .failed(let tag, let error) where tag == running?.tag:
            if fail(error) == .suspect { bury("lost its device") }
        // Of a job that was taken from it.
        case .progress, .sketch, .finished, .failed: return
        case .run, .cancel, .shutdown: bury("talks nonsense")
        }
    }

    private func welcome(_ facts: EngineFacts) {
        isOpen = true
        policy.opened()
        var model = TimeModel(prior: facts)
        do throws(StoreError) {
            model.learn(try store.samples(engine: model.key))
        } catch {
            log("how long clips took cannot be read: \(error.videoError.message)")
        }
        board.content.withLock { content in
            content.facts = facts
            content.model = model
            content.worker = .cold
            content.isHealthy = true
            content.problem = nil
        }
        board.queueChanged()
        log("the worker is ready: \(facts.model) on \(facts.backend)")
    }
}

import Files
import Glibc
import JobStore
import Synchronization
import VideoTypes

/// The runner's thread where a router has the clips made: gives it several jobs at a time, writes down what it says.
final class RoutingSupervisor {
    private let router: any JobRouter
    private let store: JobStore
    private let options: JobRunnerOptions
    private let board: RunnerBoard
    private let bell: Doorbell
    private let log: @Sendable (String) -> Void
    private let inbox = Inbox()
    private var running: [JobID: RoutedJob] = [:]
    /// No job is begun before this moment.
    private var heldUntil = 0.0
    private var leases = LeaseWatch()

    private static let idleSeconds = 5.0

    /// What is said of jobs by the tasks that wait for them.
    private final class Inbox: Sendable {
        enum Message: Sendable {
            case progress(VideoProgress)
            case ended(Result<VideoResult, VideoError>)
        }

        private let messages = Mutex<[(claim: Claim, message: Message)]>([])

        func put(_ claim: Claim, _ message: Message) { messages.withLock { $0.append((claim, message)) } }

        func take() -> [(claim: Claim, message: Message)] {
            messages.withLock { messages in
                defer { messages = [] }
                return messages
            }
        }
    }

    /// One job in the router's hands.
    private final class RoutedJob {
        let claim: Claim
        let task: Task<Void, Never>
        var renewAt: Double
        var pending: VideoProgress?
        var recordAt = 0.0
        /// The clip, until the journal has it.
        var clip: VideoResult?
        var storeAt = 0.0
        var storeFailures = 0

        init(_ claim: Claim, _ task: Task<Void, Never>, renewAt: Double) {
            self.claim = claim
            self.task = task
            self.renewAt = renewAt
        }
    }

    init(
        _ router: any JobRouter, store: JobStore, options: JobRunnerOptions, board: RunnerBoard, bell: Doorbell,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.router = router
        self.store = store
        self.options = options
        self.board = board
        self.bell = bell
        self.log = log
    }

    func run() {
        board.content.withLock { $0.worker = .warm }
        while true {
            let requests = board.content.withLock { content in
                defer { content.requests.dropped = [] }
                return content.requests
            }
            for id in requests.dropped { drop(id) }
            let isLate = requests.drainEnd.map { $0 <= SystemClock.monotonic() } ?? false
            if requests.stops || isLate || requests.drainEnd != nil && running.isEmpty { break }
            keepClaims()
            for job in running.values { keepClip(of: job) }
            if requests.drainEnd == nil { begin() }
            wait(until: requests.drainEnd)
            hear()
        }
        for job in running.values { leave(job) }
        board.content.withLock { $0.worker = .stopped }
    }

    private func drop(_ id: JobID) {
        guard let job = running.removeValue(forKey: id) else { return }
        // The router stops the order where it is; what it says then is not heard.
        job.task.cancel()
        if let clip = job.clip { router.forget(clip, keptAt: nil) }
    }

    /// Leaves an order to the next service, which finds it by the job's id.
    private func leave(_ job: RoutedJob) {
        do throws(StoreError) {
            _ = try store.release(job.claim, countsAttempt: false)
        } catch {
            log("\(job.claim.job.id) cannot be handed back: \(error.videoError.message)")
        }
    }

    // MARK: Beginning

    private func begin() {
        let now = SystemClock.monotonic()
        guard now >= heldUntil else { return }
        while running.count < options.routedAtOnce {
            if let trouble = store.trouble { return hold("no job is begun", trouble) }
            if let free = try? store.outputs.freeBytes(), free < options.reserveBytes {
                return hold("no job is begun", .diskFull)
            }
            do throws(StoreError) {
                guard let claim = try store.claim(leaseSeconds: options.leaseSeconds) else { break }
                running[claim.job.id] = RoutedJob(claim, task(claim), renewAt: now + options.leaseSeconds / 4)
                board.queueChanged()
            } catch {
                return hold("no job can be taken", error)
            }
        }
        heldUntil = 0
        board.content.withLock { $0.problem = nil }
    }

    private func task(_ claim: Claim) -> Task<Void, Never> {
        let (router, inbox, bell) = (router, inbox, bell)
        return Task {
            var result: Result<VideoResult, VideoError>
            do throws(VideoError) {
                result = .success(
                    try await router.make(claim.job) { step in
                        inbox.put(claim, .progress(step))
                        bell.ring()
                    })
            } catch {
                result = .failure(error)
            }
            inbox.put(claim, .ended(result))
            bell.ring()
        }
    }

    private func hold(_ what: String, _ error: StoreError) {
        if heldUntil == 0 { log("\(what): \(error.videoError.message)") }
        heldUntil = SystemClock.monotonic() + options.fullDiskSeconds
        board.content.withLock { $0.problem = error.videoError }
    }

    // MARK: Waiting and listening

    private func wait(until drainEnd: Double?) {
        let now = SystemClock.monotonic()
        var end = min(now + Self.idleSeconds, drainEnd ?? .infinity)
        if heldUntil > now { end = min(end, heldUntil) }
        for job in running.values {
            end = min(end, job.renewAt)
            if job.pending != nil { end = min(end, job.recordAt) }
            if job.clip != nil { end = min(end, job.storeAt) }
        }
        var files = [pollfd(fd: bell.descriptor, events: Int16(POLLIN), revents: 0)]
        unsafe _ = poll(&files, 1, Int32(max(0, end - now) * 1000) + 1)
    }

    private func hear() {
        bell.answer()
        for (claim, message) in inbox.take() {
            // Of an attempt that is nobody's any more.
            guard let job = running[claim.job.id], job.claim.attempt == claim.attempt else { continue }
            switch message {
            case .progress(let step): job.pending = step
            case .ended(.success(let clip)):
                job.clip = clip
                keepClip(of: job)
            case .ended(.failure(let error)): end(job, error)
            }
        }
    }

    /// Renews leases, and writes down what was said since the last time.
    private func keepClaims() {
        let now = SystemClock.monotonic()
        leases.look(store, every: options.leaseSeconds, at: now, board, log: log)
        for job in running.values {
            do throws(StoreError) {
                var isGood = true
                if now >= job.renewAt {
                    job.renewAt = now + options.leaseSeconds / 4
                    isGood = try store.renew(job.claim, leaseSeconds: options.leaseSeconds)
                }
                if isGood, let step = job.pending, now >= job.recordAt {
                    job.pending = nil
                    job.recordAt = now + options.progressSeconds
                    isGood = try store.record(job.claim, step)
                }
                if !isGood { drop(job.claim.job.id) }
            } catch {
                // The lease outlasts a disk that is full for a moment.
                log("the journal does not take a word: \(error.videoError.message)")
            }
        }
    }

    // MARK: Ending

    /// Stores a clip that has come; where the disk does not take it now, later.
    private func keepClip(of job: RoutedJob) {
        guard let clip = job.clip, SystemClock.monotonic() >= job.storeAt else { return }
        do throws(VideoError) {
            try router.deliver(clip, to: store.outputs.partPath(job.claim))
            try complete(job, clip)
            router.forget(clip, keptAt: store.outputs.path(job.claim.job.id))
            finish(job)
        } catch {
            job.storeFailures += 1
            log("\(job.claim.job.id) is finished and cannot be stored: \(error.message)")
            job.storeAt = SystemClock.monotonic() + options.fullDiskSeconds
            guard error.code != .diskFull, job.storeFailures >= JobStore.maxAttempts else { return }
            write(job, VideoError(.outputFailed, "the clip could not be written"))
        }
    }

    private func complete(_ job: RoutedJob, _ clip: VideoResult) throws(VideoError) {
        do throws(StoreError) {
            if try !store.complete(job.claim, clip) { log("\(job.claim.job.id) was finished too late") }
        } catch {
            throw error.videoError
        }
    }

    private func end(_ job: RoutedJob, _ error: VideoError) {
        log("\(job.claim.job.id), attempt \(job.claim.attempt): \(error.code.name): \(error.message)")
        write(job, error)
    }

    private func write(_ job: RoutedJob, _ error: VideoError) {
        do throws(StoreError) {
            _ = try store.fail(job.claim, VideoError(error.code, "no provider made the clip"), mayRetry: false)
        } catch {
            log("\(job.claim.job.id) cannot be noted as failed: \(error.videoError.message)")
        }
        finish(job)
    }

    private func finish(_ job: RoutedJob) {
        running[job.claim.job.id] = nil
        board.queueChanged()
    }
}

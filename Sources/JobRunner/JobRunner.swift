import Files
import Glibc
package import JobStore
import Synchronization
import Threads
package import VideoProvider
package import VideoTypes

/// Has the jobs of a journal made, one after the other, by a worker process.
///
/// All members may be called from any thread; those that look into the journal block as it does.
package final class JobRunner: Sendable {
    private let store: JobStore
    private let options: JobRunnerOptions
    private let log: @Sendable (String) -> Void
    private let board = RunnerBoard()
    private let bell: Doorbell
    private let ended: Doorbell

    /// - Parameter log: takes lines for the owner of the machine.
    package init(
        store: JobStore, options: JobRunnerOptions, log: @escaping @Sendable (String) -> Void
    ) throws(VideoError) {
        self.store = store
        self.options = options
        self.log = log
        bell = try Doorbell()
        ended = try Doorbell()
    }

    /// Begins to work; called once, after the journal has recovered.
    package func start() throws(VideoError) {
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self)
        let status = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                // Whoever joins may want to open the journal again: it is let go before.
                let ended = unsafe JobRunner.work(Unmanaged<JobRunner>.fromOpaque(context).takeRetainedValue())
                ended.ring()
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            unsafe context.release()
            throw VideoError(.internalError, "no thread can be started (error \(status))")
        }
        board.content.withLock { $0.isStarted = true }
        pthread_detach(thread)
    }

    private static func work(_ runner: consuming JobRunner) -> Doorbell {
        let ended = runner.ended
        let (store, options, board) = (runner.store, runner.options, runner.board)
        if let router = options.router {
            RoutingSupervisor(router, store: store, options: options, board: board, bell: runner.bell, log: runner.log)
                .run()
        } else {
            Supervisor(store: store, options: options, board: board, bell: runner.bell, log: runner.log).run()
        }
        return ended
    }

    /// The last sketch of a clip in the making, as PNG; nil where there is none yet, or no such clip.
    package func sketch(of id: JobID) -> [UInt8]? {
        board.content.withLock { $0.running.flatMap { $0.id == id ? $0.sketch : nil } }
    }

    /// Says that there is a new job.
    package func wake() {
        board.queueChanged()
        bell.ring()
    }

    /// Takes no more jobs; the running one may finish within this time, else it is handed back, as far as it is.
    ///
    /// Returns at once.
    package func drain(seconds: Double) {
        board.content.withLock { content in
            let end = SystemClock.monotonic() + max(seconds, 0)
            content.requests.drainEnd = min(end, content.requests.drainEnd ?? end)
        }
        bell.ring()
    }

    /// Ends at once; the running job is handed back.
    package func stop() {
        board.content.withLock { $0.requests.stops = true }
        bell.ring()
    }

    /// Blocks until the work has ended, after `drain` or `stop`; where it was never begun, it has.
    package func join() {
        if board.content.withLock({ $0.isStarted }) { ended.wait() }
    }
}

// MARK: jobs

extension JobRunner {
    /// Stores a job where there is room for it.
    package func submit(
        _ order: JobOrder, pictures: [ReferenceImage] = [], owner: String?, idempotencyKey: String? = nil,
        isRetry: Bool = false
    ) throws(StoreError) -> SubmitOutcome {
        let disk = disk
        var refusal: Refusal?
        let submission = try store.submit(
            order, pictures: pictures, owner: owner, idempotencyKey: idempotencyKey, isRetry: isRetry
        ) {
            refusal = self.refusal(order.work, order.priority, owner, queue: $0, disk)
            return refusal == nil
        }
        if case .refused = submission, let refusal { return .refused(refusal) }
        if case .created = submission { wake() }
        return .stored(submission)
    }

    /// Fails the job as cancelled; a worker that makes it stops after the step in hand.
    package func cancel(_ id: JobID) throws(StoreError) -> Cancellation? {
        let cancellation = try store.cancel(id)
        if case .cancelled = cancellation { drop(id) }
        return cancellation
    }

    /// Removes the job and its file; a worker that makes it stops after the step in hand.
    package func delete(_ id: JobID) throws(StoreError) -> Job? {
        let job = try store.delete(id)
        if job != nil { drop(id) }
        return job
    }

    private func drop(_ id: JobID) {
        _ = board.content.withLock { $0.requests.dropped.insert(id) }
        wake()
    }

    /// Whether a job would be taken now.
    package func admission(
        _ plan: ClipPlan, priority: Int = 0, owner: String? = nil
    ) throws(StoreError) -> Admission {
        try admission(plan.work, priority: priority, owner: owner)
    }

    package func admission(
        _ work: WorkEstimate, priority: Int = 0, owner: String? = nil
    ) throws(StoreError) -> Admission {
        let disk = disk
        let queue = try store.queue()
        return refusal(work, priority, owner, queue: queue, disk).map(Admission.refuse) ?? .accept
    }

    /// What the disk has to say about a new job.
    private struct Disk {
        let freeBytes: Int?
        let isUsable: Bool
    }

    private var disk: Disk { Disk(freeBytes: try? store.outputs.freeBytes(), isUsable: store.trouble == nil) }

    /// - Parameter work: nil for the smallest there could be.
    private func refusal(
        _ work: WorkEstimate?, _ priority: Int, _ owner: String?, queue: [QueuedJob], _ disk: Disk
    ) -> Refusal? {
        board.content.withLock { content in
            refusal(work, priority, owner, Self.forecast(queue, content), content, disk)
        }
    }

    private func refusal(
        _ work: WorkEstimate?, _ priority: Int, _ owner: String?, _ forecast: QueueForecast<JobID>,
        _ content: RunnerBoard.Content, _ disk: Disk
    ) -> Refusal? {
        let now = SystemClock.monotonic()
        let rest = content.running?.rest(at: now).p50 ?? 0
        if let end = content.requests.drainEnd {
            return Refusal(reason: .draining, retryAfterSeconds: max(end - now, 1))
        }
        if content.requests.stops { return Refusal(reason: .draining, retryAfterSeconds: 1) }
        guard content.isHealthy else {
            return Refusal(reason: .unhealthy, retryAfterSeconds: options.maxRestartDelaySeconds)
        }
        guard disk.isUsable else { return .folderUnusable }
        let bytes = work.map { DiskRoom.outputBytes(of: $0) } ?? 0
        let needed = DiskRoom.sum(DiskRoom.sum(forecast.outputBytes, bytes), options.reserveBytes)
        guard needed <= disk.freeBytes ?? .max else {
            return Refusal(reason: .diskReserve, retryAfterSeconds: 60)
        }
        // A place is free when the next job leaves the queue: when the running one is done.
        guard forecast.count < options.maxQueued else {
            return Refusal(reason: .queueFull, retryAfterSeconds: max(rest, 1))
        }
        if let owner, !FairShare.allows(held: forecast.count(of: owner), free: options.maxQueued - forecast.count) {
            return Refusal(reason: .ownShareFull, retryAfterSeconds: max(rest, 1))
        }
        let wait = forecast.ahead(ofPriority: priority, owner: owner).p50 + rest
        guard wait <= options.maxQueuedSeconds else {
            return Refusal(reason: .queueTooLong, retryAfterSeconds: max(wait - options.maxQueuedSeconds, 1))
        }
        return nil
    }
}

// MARK: foresight

extension JobRunner {
    /// When a new job would be ready.
    package func estimate(
        for plan: ClipPlan, priority: Int = 0, owner: String? = nil
    ) throws(StoreError) -> TimeEstimate {
        let forecast = try forecast()
        let now = SystemClock.monotonic()
        return board.content.withLock { content in
            let rest = content.running?.rest(at: now) ?? TimeSpan()
            return forecast.newClip(plan.work, behind: rest, priority: priority, owner: owner).ready
        }
    }

    /// How long the clip would take, waiting not counted.
    package func clipTime(for plan: ClipPlan) -> ClipTime {
        board.content.withLock { $0.model.estimate(plan.work, isCold: $0.worker != .warm) }
    }

    /// Where the job stands and when it will be ready; nil for one that is finished or unknown.
    package func place(of id: JobID) throws(StoreError) -> QueuePlace? {
        let forecast = try forecast()
        let now = SystemClock.monotonic()
        return board.content.withLock { content in
            let rest = content.running?.rest(at: now) ?? TimeSpan()
            if content.running?.id == id {
                return QueuePlace(
                    position: 0, estimate: TimeEstimate(queueSeconds: 0, p50: rest.p50, p90: rest.p90))
            }
            return forecast.place(of: id).map { place in
                QueuePlace(
                    position: place.position, estimate: TimeEstimate(place.own, behind: rest + place.ahead))
            }
        }
    }

    /// How things stand.
    package var state: RunnerState {
        let forecast = try? forecast()
        let disk = disk
        let now = SystemClock.monotonic()
        return board.content.withLock { content in
            var state = RunnerState()
            state.worker = content.worker
            state.workerProcess = content.workerProcess
            state.isHealthy = content.isHealthy
            state.isDraining = content.requests.drainEnd != nil || content.requests.stops
            state.facts = content.facts
            state.measuredWatts = content.measuredWatts
            state.restarts = content.restarts
            state.running = content.running?.id
            state.queued = forecast?.count ?? 0
            state.queuedSeconds = (forecast?.total.p50 ?? 0) + (content.running?.rest(at: now).p50 ?? 0)
            state.freeBytes = disk.freeBytes
            if let forecast {
                state.refusal = refusal(nil, 0, nil, forecast, content, disk)
            } else {
                // A journal that cannot be read takes no order.
                state.refusal = .folderUnusable
            }
            state.problem = content.problem
            return state
        }
    }

    /// Of the queue as it is; kept until the queue changes, for it is asked at every poll of every client.
    private func forecast() throws(StoreError) -> QueueForecast<JobID> {
        let (kept, changes) = board.content.withLock { ($0.forecast, $0.changes) }
        if let kept { return kept }
        let queue = try store.queue()
        return board.content.withLock { content in
            let forecast = Self.forecast(queue, content)
            if content.changes == changes { content.forecast = forecast }
            return forecast
        }
    }

    private static func forecast(_ queue: [QueuedJob], _ content: RunnerBoard.Content) -> QueueForecast<JobID> {
        QueueForecast(queue, model: content.model, startsCold: content.worker != .warm && content.running == nil)
    }
}

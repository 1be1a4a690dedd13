import Files
import Glibc
import JobStore
import Synchronization
import VideoProvider
import VideoTypes

/// What happens to a job, from claim to end.
extension Supervisor {
    // MARK: beginning

    /// Gives the worker the next job, where there is one and room for its clip.
    func begin() {
        let now = SystemClock.monotonic()
        guard now >= heldUntil else { return }
        if let trouble = store.trouble { return hold("no job is begun", trouble) }
        guard hasRoom() else { return }
        let claim: Claim?
        do throws(StoreError) {
            claim = try store.claim(leaseSeconds: options.leaseSeconds)
        } catch {
            return hold("no job can be taken", error)
        }
        if heldUntil > 0 {
            board.content.withLock { $0.problem = nil }
            log("jobs are begun again")
        }
        heldUntil = 0
        guard let claim, let plan = claim.job.order.plan else { return }
        let job = claim.job
        let checkpoint = store.outputs.checkpointPath(job.id)
        let isResumed = unsafe access(checkpoint, F_OK) == 0
        let (isCold, time) = board.content.withLock { content in
            let isCold = content.worker != .warm
            return (isCold, content.model.estimate(plan.work, isCold: isCold))
        }
        let running = RunningJob(
            claim, isCold: isCold, isResumed: isResumed,
            silenceLimit: max(options.silenceFloorSeconds, 2 * time.p90), now: now,
            renewAt: now + options.leaseSeconds / 4)
        self.running = running
        board.content.withLock { $0.running = RunningClip(id: job.id, expected: time, now: now) }
        board.queueChanged()
        worker?.send(
            .run(
                WorkOrder(
                    tag: running.tag, settings: plan.settings,
                    pictures: plan.settings.inputs.map {
                        WorkOrder.Picture(role: $0.role, path: store.outputs.inputPath(job.id, $0.role))
                    }, path: store.outputs.partPath(claim),
                    checkpoint: CheckpointPlace(path: checkpoint, everySteps: options.checkpointEverySteps))))
    }

    /// Whether the disk has room for a clip; where it has not, files whose time is over go first.
    private func hasRoom() -> Bool {
        // What cannot be read now is told when the next job is claimed.
        guard let queue = try? store.queue(), let next = queue.first else { return true }
        let needed = DiskRoom.sum(options.reserveBytes, DiskRoom.outputBytes(of: next.work))
        let outputs = store.outputs
        if let free = try? outputs.freeBytes(), free < needed {
            sweep()
            guard let free = try? outputs.freeBytes(), free >= needed else {
                hold("no room for the next clip", .diskFull)
                return false
            }
        }
        return true
    }

    /// Clears away what is too old, to make room.
    private func sweep() {
        do throws(StoreError) {
            _ = try store.sweep()
        } catch {
            log("what is too old cannot be cleared away: \(error.videoError.message)")
        }
    }

    /// Begins nothing for a while.
    private func hold(_ what: String, _ error: StoreError) {
        if heldUntil == 0 { log("\(what): \(error.videoError.message)") }
        heldUntil = SystemClock.monotonic() + options.fullDiskSeconds
        board.content.withLock { $0.problem = error.videoError }
    }

    // MARK: while it runs

    /// Renews the lease and writes down progress that had to wait.
    func keepClaim() {
        let now = SystemClock.monotonic()
        leases.look(store, every: options.leaseSeconds, at: now, board, log: log)
        guard let running else { return }
        if now >= running.renewAt {
            running.renewAt = now + options.leaseSeconds / 4
            check { () throws(StoreError) in try store.renew(running.claim, leaseSeconds: options.leaseSeconds) }
        }
        if let pending = running.pending, now >= running.recordAt { record(pending, now) }
    }

    func proceed(_ progress: VideoProgress) {
        guard let running else { return }
        let now = SystemClock.monotonic()
        running.lastWord = now
        board.content.withLock { content in
            content.running?.report(progress, now: now)
            // Whatever comes after the first load finds the weights in place.
            if progress.stage == .denoise { content.worker = .warm }
        }
        let isNewStage = running.recorded?.stage != progress.stage
        if isNewStage || now >= running.recordAt { record(progress, now) } else { running.pending = progress }
    }

    private func record(_ progress: VideoProgress, _ now: Double) {
        guard let running else { return }
        running.pending = nil
        running.recorded = progress
        running.recordAt = now + options.progressSeconds
        check { () throws(StoreError) in try store.record(running.claim, progress) }
    }

    /// Stops the worker where the journal says that the claim is no longer good.
    private func check(_ word: () throws(StoreError) -> Bool) {
        do throws(StoreError) {
            if try !word() { running?.stop(.dropped, within: running?.silenceLimit ?? 0, worker) }
        } catch {
            // The lease outlasts a disk that is full for a moment.
            log("the journal does not take a word: \(error.videoError.message)")
        }
    }

    // MARK: ending

    func finish(_ report: ClipReport) {
        guard let running else { return }
        running.report = report
        policy.worked()
        board.content.withLock { content in
            content.isHealthy = true
            if let watts = report.watts { content.measuredWatts = watts }
        }
        keepClip()
    }

    /// Stores the clip that the worker has finished: where the disk does not take it now, it is asked again later.
    func keepClip() {
        guard let running, let report = running.report, SystemClock.monotonic() >= running.storeAt else { return }
        let sample = TimeSample(
            work: running.claim.job.order.work, isCold: running.isCold, stageSeconds: report.stageSeconds)
        let key = board.content.withLock { $0.model.key }
        do throws(StoreError) {
            // A resumed clip took less time than its work deserves.
            let isStored = try store.complete(
                running.claim, report, sample: running.isResumed ? nil : (engine: key, sample: sample))
            if isStored, !running.isResumed { board.content.withLock { $0.model.learn(sample) } }
            if !isStored { log("\(running.id) was finished too late") }
            fullDisks[running.id] = nil
            end(running)
        } catch {
            storeLater(running, error)
        }
    }

    private func storeLater(_ running: RunningJob, _ error: StoreError) {
        if case .outputMissing = error, store.trouble == nil {
            // It is made again while attempts are left.
            log("\(running.id): \(error.videoError.message)")
            return giveBack(running, countsAttempt: true)
        }
        if error == .diskFull { sweep() }
        // What does not lie in a folder that everybody can see to be unusable may never pass.
        if error != .diskFull, store.trouble == nil { running.storeFailures += 1 }
        if running.storeFailures >= JobStore.maxAttempts {
            log("\(running.id) cannot be stored: \(error.videoError.message)")
            end(running)
            write(running, VideoError(.outputFailed, "the clip could not be written"), mayRetry: false)
            return
        }
        hold("\(running.id) is finished and cannot be stored", error)
        running.storeAt = heldUntil
    }

    /// Ends what was begun for a job that nobody wants any more.
    func drop(_ running: RunningJob) {
        // The journal says so when it is asked to take the clip.
        guard running.report == nil else {
            running.storeAt = 0
            return
        }
        running.stop(.dropped, within: running.silenceLimit, worker)
    }

    /// Leaves a job to the next service.
    func handBackNow(_ running: RunningJob) {
        guard running.report != nil else { return giveBack(running, countsAttempt: false) }
        running.storeAt = 0
        keepClip()
        // The journal knows of the clip, which lies among the parts: the next start stores it.
        if self.running != nil { end(running) }
    }

    enum WorkersFate {
        case sound
        /// Its device is lost to it.
        case suspect
    }

    /// Decides what a failure that the worker itself tells of means.
    func fail(_ error: VideoError) -> WorkersFate {
        guard let running else { return .sound }
        log("\(running.id), attempt \(running.claim.attempt): \(error.code.name): \(error.message)")
        switch running.stopReason {
        case .dropped:
            end(running)
            removeCheckpoint(running.id)
            return .sound
        case .handBack:
            end(running)
            giveBack(running, countsAttempt: false)
            return .sound
        case nil: break
        }
        end(running)
        switch error.code {
        case .diskFull: waitForDisk(running)
        case .outputFailed:
            guard let trouble = store.trouble else {
                write(running, error, mayRetry: true)
                break
            }
            giveBack(running, countsAttempt: false)
            hold("\(running.id) waits", trouble)
        case .deviceLost, .deviceUnavailable:
            write(running, error, mayRetry: true)
            return .suspect
        case .cancelled: giveBack(running, countsAttempt: true)
        // The same settings would fail in the same way again.
        default:
            policy.worked()
            board.content.withLock { $0.isHealthy = true }
            write(running, error, mayRetry: false)
            removeCheckpoint(running.id)
        }
        return .sound
    }

    /// Sees to a job whose worker is dead.
    func lost(_ running: RunningJob) {
        end(running)
        switch running.stopReason {
        case .dropped: removeCheckpoint(running.id)
        case .handBack: giveBack(running, countsAttempt: false)
        case nil: giveBack(running, countsAttempt: true)
        }
    }

    func giveBack(_ running: RunningJob, countsAttempt: Bool) {
        end(running)
        do throws(StoreError) {
            _ = try store.release(running.claim, countsAttempt: countsAttempt)
        } catch {
            // It stays in progress until its lease ends or the service starts again.
            log("\(running.id) cannot be handed back: \(error.videoError.message)")
        }
        board.queueChanged()
    }

    private func write(_ running: RunningJob, _ error: VideoError, mayRetry: Bool) {
        do throws(StoreError) {
            _ = try store.fail(running.claim, error.withoutNamesOfThisMachine, mayRetry: mayRetry)
        } catch {
            log("\(running.id) cannot be noted as failed: \(error.videoError.message)")
        }
        board.queueChanged()
    }

    /// Puts the job back until there is room; one that never fits fails in the end.
    private func waitForDisk(_ running: RunningJob) {
        fullDisks[running.id, default: 0] += 1
        if fullDisks[running.id, default: 0] >= JobStore.maxAttempts {
            fullDisks[running.id] = nil
            write(running, VideoError(.diskFull, "no room on the disk for this clip"), mayRetry: false)
            return removeCheckpoint(running.id)
        }
        giveBack(running, countsAttempt: false)
        sweep()
        hold("\(running.id) waits", .diskFull)
    }

    private func end(_ running: RunningJob) {
        self.running = nil
        board.content.withLock { $0.running = nil }
        board.queueChanged()
    }

    func removeCheckpoint(_ id: JobID) { store.outputs.removeCheckpoint(id) }
}

extension VideoError {
    /// What clients may read: files and devices of this machine are for its owner's log.
    fileprivate var withoutNamesOfThisMachine: VideoError {
        switch code {
        case .invalidRequest, .outOfMemory, .diskFull, .notFinite: self
        case .deviceLost, .deviceUnavailable, .deviceNotFound: VideoError(code, "the device failed")
        case .mediaFailed: VideoError(code, "the frames could not be encoded")
        case .outputFailed: VideoError(code, "the clip could not be written")
        case .weightsInvalid, .modelNotFound: VideoError(code, "the model cannot be used")
        default: VideoError(code, "the engine failed")
        }
    }
}

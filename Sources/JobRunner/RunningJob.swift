import Files
import JobStore
import VideoTypes

/// The job in the worker's hands.
final class RunningJob {
    let claim: Claim
    let tag: WorkTag
    /// Whether the weights are loaded for it.
    let isCold: Bool
    /// Whether it goes on from a checkpoint.
    let isResumed: Bool
    /// Seconds without a word after which the worker hangs.
    let silenceLimit: Double
    var lastWord: Double
    var renewAt: Double
    /// Last written down.
    var recorded: VideoProgress?
    /// Reported but not written down yet, and when it may be.
    var pending: VideoProgress?
    var recordAt = 0.0
    /// Of the clip that the worker has finished and the disk has not taken yet.
    var report: ClipReport?
    var storeAt = 0.0
    var storeFailures = 0
    private(set) var stopReason: StopReason?
    private(set) var stopEnd: Double?

    enum StopReason {
        /// Cancelled, deleted or another's by now: whatever the worker still says is of no use.
        case dropped
        /// Goes on later.
        case handBack
    }

    init(_ claim: Claim, isCold: Bool, isResumed: Bool, silenceLimit: Double, now: Double, renewAt: Double) {
        self.claim = claim
        self.isCold = isCold
        self.isResumed = isResumed
        self.silenceLimit = silenceLimit
        self.renewAt = renewAt
        tag = WorkTag(job: claim.job.id.description, attempt: claim.attempt)
        lastWord = now
    }

    var id: JobID { claim.job.id }

    /// Tells the worker to stop; the first reason counts, but for a job that nobody wants any more.
    func stop(_ reason: StopReason, within seconds: Double, _ worker: WorkerProcess?) {
        if reason == .dropped { stopReason = .dropped }
        guard stopEnd == nil else { return }
        stopReason = reason
        stopEnd = SystemClock.monotonic() + seconds
        worker?.send(.cancel(tag))
    }

    /// When something about it is to be done even if nobody says a word.
    var nextDeadline: Double {
        min(
            renewAt, stopEnd ?? .infinity, pending == nil ? .infinity : recordAt, report == nil ? .infinity : storeAt)
    }
}

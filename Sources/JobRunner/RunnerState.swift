package import JobStore
package import VideoProvider
package import VideoTypes

/// How the runner stands, for those who watch.
package struct RunnerState: Sendable {
    package var worker = Worker.starting
    /// False where workers die again and again, or none can be started.
    package var isHealthy = true
    package var isDraining = false
    /// Of the worker that last said what it runs on.
    package var facts: EngineFacts?
    /// What its device took for the last clip; nil where nobody counts, or before the first.
    package var measuredWatts: Double?
    /// Its number; nil where none runs.
    package var workerProcess: Int32?
    /// Workers that were started after the first.
    package var restarts = 0
    package var running: JobID?
    package var queued = 0
    /// That the queue and the rest of the running job will take.
    package var queuedSeconds = 0.0
    package var freeBytes: Int?
    /// What even the smallest order would be told now; nil where it would be taken.
    package var refusal: Refusal?
    /// What stands in the way of work; for the owner of the machine, not for clients.
    package var problem: VideoError?

    package enum Worker: String, Sendable {
        /// Has not said yet that its engine is open.
        case starting
        /// Ready, the weights not loaded: the first clip does that.
        case cold
        case warm
        /// Died; the next one is on its way.
        case restarting
        case stopped
    }
}

/// Where a job stands.
package struct QueuePlace: Sendable, Hashable {
    /// 0 is being made, 1 is next.
    package let position: Int
    package let estimate: TimeEstimate

    package init(position: Int, estimate: TimeEstimate) {
        self.position = position
        self.estimate = estimate
    }
}

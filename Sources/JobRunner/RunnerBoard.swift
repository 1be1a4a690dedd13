import JobStore
import Synchronization
import VideoProvider
import VideoTypes

/// What the runner's own thread and everybody else both see.
///
/// Whoever holds the lock calls nothing that takes another.
final class RunnerBoard: Sendable {
    let content = Mutex(Content())

    struct Content {
        var isStarted = false
        var requests = Requests()
        var worker = RunnerState.Worker.starting
        var isHealthy = true
        var workerProcess: Int32?
        var facts: EngineFacts?
        var measuredWatts: Double?
        var restarts = 0
        var problem: VideoError?
        /// Until the worker has said what it runs on, a guess.
        var model = TimeModel(prior: EngineFacts(model: "", backend: "cpu", dtype: "bf16", memoryBytes: nil))
        var running: RunningClip?
        /// Of the queue as it was when it last changed; nil where nobody asked since.
        var forecast: QueueForecast<JobID>?
        /// Grows with every change that makes a forecast wrong.
        var changes = 0
    }

    /// What others want of the thread.
    struct Requests {
        /// Jobs that are no longer wanted.
        var dropped: Set<JobID> = []
        /// When a running job is handed back, on the monotonic clock; nil where the service is not to end.
        var drainEnd: Double?
        var stops = false
    }

    /// Notes that the queue is another.
    func queueChanged() {
        content.withLock { content in
            content.forecast = nil
            content.changes += 1
        }
    }
}

import JobStore
import VideoProvider

extension QueueForecast<JobID> {
    /// Of the jobs that wait, in the order of work.
    init(_ queue: [QueuedJob], model: TimeModel, startsCold: Bool) {
        let clips = queue.map { job in
            Clip(
                id: job.id, work: job.work, owner: job.owner, priority: job.priority, isSuspect: job.isSuspect,
                outputBytes: DiskRoom.outputBytes(of: job.work))
        }
        self.init(clips, model: model, startsCold: startsCold)
    }
}

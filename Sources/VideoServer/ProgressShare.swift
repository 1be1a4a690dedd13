import JobStore
import Synchronization
import VideoTypes

/// How far a job is in percent: by the work of the stages, 100 only when the file is there.
enum ProgressShare {
    static func percent(_ job: Job) -> Int {
        switch job.state {
        case .completed: 100
        case .queued, .failed: 0
        case .inProgress: job.progress.map { percent($0, of: job.order.work) } ?? 0
        }
    }

    static func percent(_ progress: VideoProgress, of work: WorkEstimate) -> Int {
        let shares = shares(of: work)
        var done = 0.0
        for stage in VideoProgress.Stage.allCases {
            let share = shares[stage] ?? 0
            if stage == progress.stage {
                let part = progress.total > 0 ? Double(progress.completed) / Double(progress.total) : 0
                return min(max(Int((done + share * min(max(part, 0), 1)) * 100), 0), 99)
            }
            done += share
        }
        return 0
    }

    /// Fractions of the whole: the arithmetic of each stage, a little for loading.
    private static func shares(of work: WorkEstimate) -> [VideoProgress.Stage: Double] {
        let flops = work.flops.filter { $0.key != .load && $0.value.isFinite && $0.value > 0 }
        let total = flops.values.reduce(0, +)
        guard total > 0, total.isFinite else { return [.load: 0.02, .text: 0.03, .denoise: 0.8, .decode: 0.15] }
        var shares = flops.mapValues { $0 / total * 0.98 }
        shares[.load] = 0.02
        return shares
    }
}

/// The highest percentage told of each job, so that a second attempt never takes it back.
final class ProgressMarks: Sendable {
    private static let limit = 4096
    private let marks = Mutex<[JobID: Int]>([:])

    /// What to tell of a job.
    ///
    /// - Parameter before: what the journal tells of earlier attempts; asked for once a job.
    func percent(_ job: Job, before: () -> [VideoProgress]) -> Int {
        guard !job.state.isFinal else {
            marks.withLock { _ = $0.removeValue(forKey: job.id) }
            return job.state == .completed ? 100 : highest(before(), job)
        }
        let now = ProgressShare.percent(job)
        let known = marks.withLock { $0[job.id] }
        let percent = max(now, known ?? highest(before(), job))
        marks.withLock { marks in
            if marks.count >= Self.limit { marks.removeAll() }
            marks[job.id] = max(percent, marks[job.id] ?? 0)
        }
        return percent
    }

    private func highest(_ steps: [VideoProgress], _ job: Job) -> Int {
        steps.map { ProgressShare.percent($0, of: job.order.work) }.max() ?? 0
    }
}

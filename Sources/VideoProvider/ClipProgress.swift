package import VideoTypes

/// How far the clip in the making is, for those who ask when it will be ready.
package struct ClipProgress: Sendable {
    private let startedAt: Double
    private var progress: VideoProgress?
    /// The first report of the stage in hand: a resumed stage begins in its middle.
    private var stageStart: (completed: Int, at: Double) = (0, 0)
    private var reportedAt: Double

    package init(now: Double) {
        startedAt = now
        reportedAt = now
    }

    package mutating func report(_ progress: VideoProgress, now: Double) {
        if progress.stage != self.progress?.stage { stageStart = (progress.completed, now) }
        self.progress = progress
        reportedAt = now
    }

    /// What is still to be waited for of a clip that should take so long in all; never nothing.
    package func rest(of expected: ClipTime, at now: Double) -> TimeSpan {
        let seconds = max(restSeconds(expected, now), Self.leastRest * expected.p50, 0)
        let width = expected.p50 > 0 ? max(expected.p90 / expected.p50, 1) : 1
        return TimeSpan(p50: seconds, p90: seconds * width)
    }

    /// Of a clip that takes longer than expected.
    private static let leastRest = 0.02
    /// Steps after which the pace of a clip is known better from itself than from the model.
    private static let stepsForPace = 2

    private func restSeconds(_ expected: ClipTime, _ now: Double) -> Double {
        guard let progress else { return expected.p50 - (now - startedAt) }
        let later = VideoProgress.Stage.allCases.drop { $0 != progress.stage }.dropFirst()
        let laterSeconds = later.reduce(0) { $0 + (expected.stageSeconds[$1] ?? 0) }
        let left = Double(max(progress.total - progress.completed, 0))
        let pace = pace(progress, expected)
        // Had more than a step been done since the last report, there would be another.
        return laterSeconds + left * pace - min(now - reportedAt, left > 0 ? pace : 0)
    }

    /// Seconds for a step of the stage in hand.
    private func pace(_ progress: VideoProgress, _ expected: ClipTime) -> Double {
        let done = progress.completed - stageStart.completed
        if done >= Self.stepsForPace { return (reportedAt - stageStart.at) / Double(done) }
        return (expected.stageSeconds[progress.stage] ?? 0) / Double(max(progress.total, 1))
    }
}

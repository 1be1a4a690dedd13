import VideoTypes

/// Passes progress on and turns a "no" into the error that ends the run.
final class ProgressReporter {
    private let report: (VideoProgress) -> Bool
    private var stage = VideoProgress.Stage.load
    private var completed = 0
    private var total = 0

    /// - Parameter report: lives as long as this object is used, which is one call of `generate`.
    init(_ report: @escaping (VideoProgress) -> Bool) {
        self.report = report
    }

    func begin(_ stage: VideoProgress.Stage, completed: Int = 0, total: Int) throws(VideoError) {
        self.stage = stage
        self.total = total
        self.completed = completed
        try tell()
    }

    func advance() throws(VideoError) {
        completed += 1
        try tell()
    }

    private func tell() throws(VideoError) {
        guard report(VideoProgress(stage: stage, completed: completed, total: total)) else {
            throw VideoError(.cancelled, "cancelled during \(stage.rawValue)")
        }
    }
}

import VideoTypes
import Weights

/// Passes progress on and turns a "no" into the error that ends the run.
final class ProgressReporter {
    private let report: (VideoProgress) -> Bool
    private var stage = VideoProgress.Stage.load
    private var completed = 0
    private var total = 0

    /// Reports of one network's loading.
    private static let loadPieces = 20

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

    /// Begins the loading of a network; what is returned tells of its tensors and stops where the caller says no.
    func beginLoad() throws(VideoError) -> Checkpoint.Watch {
        try begin(.load, total: Self.loadPieces)
        return { (_, taken, count) throws(WeightError) in
            while self.completed < taken * Self.loadPieces / count {
                self.completed += 1
                guard self.isWanted else { throw .interrupted }
            }
        }
    }

    /// Ends it, though the network may have left some of its file's tensors alone.
    func endLoad() throws(VideoError) {
        guard completed < total else { return }
        completed = total
        try tell()
    }

    private func tell() throws(VideoError) {
        guard isWanted else { throw VideoError(.cancelled, "cancelled during \(stage.rawValue)") }
    }

    private var isWanted: Bool { report(VideoProgress(stage: stage, completed: completed, total: total)) }
}

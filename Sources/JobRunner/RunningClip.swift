import JobStore
import VideoProvider
import VideoTypes

/// The clip in the making, and when it will be ready.
struct RunningClip {
    let id: JobID
    private let expected: ClipTime
    private var progress: ClipProgress
    /// The last picture of it, as PNG.
    var sketch: [UInt8]?

    init(id: JobID, expected: ClipTime, now: Double) {
        self.id = id
        self.expected = expected
        progress = ClipProgress(now: now)
    }

    mutating func report(_ progress: VideoProgress, now: Double) { self.progress.report(progress, now: now) }

    func rest(at now: Double) -> TimeSpan { progress.rest(of: expected, at: now) }
}

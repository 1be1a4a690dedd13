package import VideoTypes

/// How long work on a clip would take, in seconds, waiting not counted.
package struct ClipTime: Sendable, Hashable {
    /// Half of all clips take longer.
    package let p50: Double
    /// One in ten takes longer.
    package let p90: Double
    /// The parts of `p50`.
    package let stageSeconds: [VideoProgress.Stage: Double]

    package init(p50: Double, p90: Double, stageSeconds: [VideoProgress.Stage: Double]) {
        self.p50 = p50
        self.p90 = p90
        self.stageSeconds = stageSeconds
    }
}

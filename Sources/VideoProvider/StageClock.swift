import VideoTypes

/// Wall-clock seconds by stage.
final class StageClock {
    private let start = ContinuousClock.now
    private var stage: VideoProgress.Stage?
    private var entered: ContinuousClock.Instant
    private(set) var seconds: [VideoProgress.Stage: Double] = [:]

    init() {
        entered = start
    }

    /// Ends the stage before, if this is another.
    func enter(_ next: VideoProgress.Stage) {
        guard next != stage else { return }
        stop()
        stage = next
        entered = ContinuousClock.now
    }

    func stop() {
        if let stage { seconds[stage, default: 0] += Self.seconds(since: entered) }
        stage = nil
    }

    var totalSeconds: Double { Self.seconds(since: start) }

    private static func seconds(since instant: ContinuousClock.Instant) -> Double {
        let duration = ContinuousClock.now - instant
        return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}

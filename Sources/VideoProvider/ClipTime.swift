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

    /// One in ten is faster, as far below `p50` as `p90` lies above.
    package var p10: Double { p90 > 0 ? p50 * p50 / p90 : 0 }

    /// What is left of a clip that has come so far.
    ///
    /// - Parameters:
    ///   - spent: seconds by stage so far, the running one included.
    ///   - progress: the last report; nil before the first.
    package func rest(spent: [VideoProgress.Stage: Double], progress: VideoProgress?) -> ClipTime {
        guard let progress else { return self }
        let stages = VideoProgress.Stage.allCases
        // Weights are loaded between the other stages too.
        let reached = stages.last { spent[$0] != nil } ?? .load
        var left: [VideoProgress.Stage: Double] = [:]
        for (index, stage) in stages.enumerated() {
            let expected = stageSeconds[stage] ?? 0
            let used = spent[stage] ?? 0
            if stage == reached, stage == progress.stage, progress.completed > 0, progress.total >= progress.completed {
                left[stage] = used / Double(progress.completed) * Double(progress.total - progress.completed)
            } else if stage == .load, reached != .decode || progress.stage == .load {
                left[stage] = max(0, expected - used)
            } else if index >= (stages.firstIndex(of: reached) ?? 0) {
                left[stage] = max(0, expected - used)
            }
        }
        let sum = stages.reduce(0) { $0 + (left[$1] ?? 0) }
        return ClipTime(p50: sum, p90: p50 > 0 ? sum * p90 / p50 : sum, stageSeconds: left)
    }
}

extension TimeEstimate {
    /// When a clip would be ready behind others, on an engine that makes one after the other.
    package init(_ clip: ClipTime, behind others: [ClipTime]) {
        let queue = others.reduce(0) { $0 + $1.p50 }
        // Clips are late independently of each other: their margins add like the sides of a right angle.
        let margins = (others + [clip]).reduce(0) { $0 + ($1.p90 - $1.p50) * ($1.p90 - $1.p50) }
        let p50 = queue + clip.p50
        self.init(queueSeconds: queue, p50: p50, p90: p50 + margins.squareRoot())
    }
}

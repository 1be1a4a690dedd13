package import VideoTypes

/// How long something takes, in seconds: half of all take longer than `p50`, one in ten longer than `p90`.
package struct TimeSpan: Sendable, Equatable {
    package private(set) var p50 = 0.0
    private var squaredMargin = 0.0

    package init() {}

    package init(p50: Double, p90: Double) {
        self.p50 = p50
        squaredMargin = (p90 - p50) * (p90 - p50)
    }

    package init(_ clip: ClipTime) { self.init(p50: clip.p50, p90: clip.p90) }

    package var p90: Double { p50 + squaredMargin.squareRoot() }

    /// One after the other.
    ///
    /// Clips are late independently of each other: their margins add like the sides of a right angle.
    package static func + (first: TimeSpan, second: TimeSpan) -> TimeSpan {
        var sum = first
        sum.p50 += second.p50
        sum.squaredMargin += second.squaredMargin
        return sum
    }
}

extension TimeEstimate {
    /// When a clip would be ready behind others, on an engine that makes one after the other.
    package init(_ clip: TimeSpan, behind others: TimeSpan) {
        let sum = others + clip
        self.init(queueSeconds: others.p50, p50: sum.p50, p90: sum.p90)
    }
}

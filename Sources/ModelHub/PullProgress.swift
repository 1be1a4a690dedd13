/// Where a pull stands.
package struct PullProgress: Sendable, Equatable {
    package enum Stage: Sendable {
        /// The hub says what there is.
        case list
        case fetch
        /// Digests are computed.
        case check
    }

    package var stage: Stage
    package var doneBytes = 0
    /// 0 where it is not known.
    package var totalBytes = 0
    /// Over the last seconds; nil where nothing can be said.
    package var bytesPerSecond: Double?

    package init(_ stage: Stage) { self.stage = stage }

    /// nil where nothing can be said.
    package var secondsLeft: Double? {
        bytesPerSecond.flatMap { $0 > 0 ? Double(max(totalBytes - doneBytes, 0)) / $0 : nil }
    }
}

/// How fast something grows, over the last seconds.
struct Pace {
    private var samples: [(time: Double, bytes: Int)] = []
    private static let seconds = 10.0

    mutating func add(_ bytes: Int, at time: Double) {
        samples.append((time, bytes))
        while samples.count > 2, let first = samples.first, first.time < time - Self.seconds { samples.removeFirst() }
    }

    var bytesPerSecond: Double? {
        guard let first = samples.first, let last = samples.last, last.time > first.time else { return nil }
        return Double(max(last.bytes - first.bytes, 0)) / (last.time - first.time)
    }
}

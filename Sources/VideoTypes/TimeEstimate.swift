/// When a clip would be ready, in seconds from now.
public struct TimeEstimate: Sendable, Hashable, Codable {
    /// Until work on it would begin.
    public var queueSeconds: Double
    /// Until the clip is finished, the queue included: half of all take longer.
    public var p50: Double
    /// One in ten takes longer.
    public var p90: Double

    public init(queueSeconds: Double, p50: Double, p90: Double) {
        self.queueSeconds = queueSeconds
        self.p50 = p50
        self.p90 = p90
    }

    /// Whether it may be said to be ready in time: nine times in ten, whoever makes it.
    package func isWithin(_ seconds: Double) -> Bool { p90 <= seconds }
}

/// How long one clip really took; what the model of time learns from.
public struct TimeSample: Sendable, Hashable, Codable {
    public var work: WorkEstimate
    /// Whether the weights had to be loaded first.
    public var isCold: Bool
    public var stageSeconds: [VideoProgress.Stage: Double]

    public init(work: WorkEstimate, isCold: Bool, stageSeconds: [VideoProgress.Stage: Double]) {
        self.work = work
        self.isCold = isCold
        self.stageSeconds = stageSeconds
    }
}

/// A finished clip as a provider hands it over.
public struct VideoResult: Sendable, Hashable, Codable {
    /// Where the file lies on this machine.
    public let path: String
    public let provider: String
    public let model: String
    /// What was really made, not what was asked for.
    public let durationSeconds: Double
    public let frames: Int
    public let width: Int
    public let height: Int
    /// What this clip cost its owner: for a machine of one's own, the marginal cost.
    public let costDollars: Double
    /// From submission to finished clip, waiting in the queue included.
    public let latencySeconds: Double
    public let hasAudio: Bool
    /// Seed, settings, times: whatever else is known.
    public let metadata: [String: JSONText]

    public init(
        path: String, provider: String, model: String, durationSeconds: Double, frames: Int, width: Int, height: Int,
        costDollars: Double, latencySeconds: Double, hasAudio: Bool = false, metadata: [String: JSONText] = [:]
    ) {
        self.path = path
        self.provider = provider
        self.model = model
        self.durationSeconds = durationSeconds
        self.frames = frames
        self.width = width
        self.height = height
        self.costDollars = costDollars
        self.latencySeconds = latencySeconds
        self.hasAudio = hasAudio
        self.metadata = metadata
    }

    /// In `metadata`, where a clip was bought whose price nobody told: `costDollars` is 0 then, and means nothing.
    package static let unknownCost = "cost_is_unknown"

    /// nil where nobody told it.
    package var knownCostDollars: Double? { metadata[Self.unknownCost] == .bool(true) ? nil : costDollars }
}

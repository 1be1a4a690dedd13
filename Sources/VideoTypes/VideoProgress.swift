/// Where a generation stands; handed to the caller, who answers whether to go on.
public struct VideoProgress: Sendable, Hashable, Codable {
    /// The stages of the street, in order.
    public enum Stage: String, Sendable, Hashable, CaseIterable, Codable, CodingKeyRepresentable {
        case load
        case text
        case denoise
        case decode
    }

    public let stage: Stage
    /// Finished steps (denoise) or latent frames (decode); 0 when the stage begins.
    public let completed: Int
    public let total: Int

    public init(stage: Stage, completed: Int, total: Int) {
        self.stage = stage
        self.completed = completed
        self.total = total
    }
}

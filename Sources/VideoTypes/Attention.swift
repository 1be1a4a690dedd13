/// What a token of a clip attends to.
public enum Attention: String, Sendable, Hashable, CaseIterable, Codable {
    /// What the model was made for.
    case full
    /// Each head of a model made for full attention only to near frames, or only to near places of all frames: faster,
    /// and lossy.
    case factorized
}

/// Whether a provider could work now.
public enum ProviderHealth: Sendable, Hashable {
    case ready
    /// Answers, but takes no work: the reasons.
    case unavailable([String])

    public var isReady: Bool { self == .ready }
}

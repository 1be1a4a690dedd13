/// One reason why a provider does not serve a request now.
public struct RoutingObstacle: Sendable, Hashable {
    public let kind: Kind
    /// For people.
    public let reason: String
    /// The field of the request; nil where it is none's fault.
    public let parameter: String?

    package init(_ kind: Kind, _ reason: String, parameter: String? = nil) {
        self.kind = kind
        self.reason = reason
        self.parameter = parameter
    }

    /// Whose affair it is.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The provider does not make such clips.
        case limits
        /// The caller or the policy leaves it out.
        case excluded
        /// It refused the content, or another did and it may not take over.
        case contentPolicy = "content_policy"
        case budget
        case deadline
        /// It failed lately.
        case breaker
        /// It asked for a pause.
        case cooldown
        /// It says itself that it cannot work.
        case health
        /// It did not tell what it can do.
        case capabilities
        /// It was tried for this request and failed.
        case failed
    }
}

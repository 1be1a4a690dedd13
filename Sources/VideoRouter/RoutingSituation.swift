/// What has become of a request so far: what bounds the choice among providers.
package struct RoutingSituation: Sendable, Hashable {
    /// Of the router's clock.
    package var now: Double
    /// nil where there is no limit.
    package var remainingSeconds: Double?
    /// nil where there is no limit.
    package var remainingDollars: Double?
    /// Why a provider is not to be tried any more.
    package var givenUp: [String: RoutingObstacle] = [:]
    /// The only ones that may take over after a refusal for the content; nil where nobody refused.
    package var policyFallbacks: Set<String>?

    /// Those with an order of this request under way, where nobody else may be asked meanwhile; nil where anybody may.
    package var holders: Set<String>?

    package init(now: Double, remainingSeconds: Double? = nil, remainingDollars: Double? = nil) {
        self.now = now
        self.remainingSeconds = remainingSeconds
        self.remainingDollars = remainingDollars
    }
}

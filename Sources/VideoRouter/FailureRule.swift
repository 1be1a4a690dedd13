import VideoTypes

/// What follows from an error of a provider.
struct FailureRule: Equatable {
    let breaker: CircuitBreaker.Outcome
    /// Whether the same provider is asked once more.
    let retriesSame: Bool
    let fallback: Fallback
    /// Whether the work may have been done and charged all the same, where the provider cannot tell.
    let mayBeCharged: Bool

    enum Fallback: Equatable {
        case anybody
        /// Only those that the policy names.
        case policyFallbacks
        case nobody
    }

    init(_ error: ProviderError) {
        switch error {
        // Another provider whose limits fit may still make it; where none does, the caller hears of it.
        case .badRequest: self.init(.neutral, retriesSame: false, .anybody, mayBeCharged: false)
        case .contentPolicy: self.init(.neutral, retriesSame: false, .policyFallbacks, mayBeCharged: false)
        case .authentication: self.init(.authentication, retriesSame: false, .anybody, mayBeCharged: false)
        case .quota(let seconds), .capacity(let seconds):
            self.init(.pause(seconds: seconds), retriesSame: false, .anybody, mayBeCharged: false)
        case .timeout, .transport, .corruptOutput:
            self.init(.failure, retriesSame: true, .anybody, mayBeCharged: true)
        // The provider knows whether it may take the same order up again; a second one nobody may place.
        case .uncertain: self.init(.failure, retriesSame: false, .anybody, mayBeCharged: true)
        case .server: self.init(.failure, retriesSame: true, .anybody, mayBeCharged: false)
        // Nothing is learnt about the provider; what it has made is fetched once more, not made once more.
        case .local: self.init(.neutral, retriesSame: true, .anybody, mayBeCharged: false)
        case .cancelled, .deadline, .budget: self.init(.neutral, retriesSame: false, .nobody, mayBeCharged: false)
        }
    }

    private init(
        _ breaker: CircuitBreaker.Outcome, retriesSame: Bool, _ fallback: Fallback, mayBeCharged: Bool
    ) {
        self.breaker = breaker
        self.retriesSame = retriesSame
        self.fallback = fallback
        self.mayBeCharged = mayBeCharged
    }
}

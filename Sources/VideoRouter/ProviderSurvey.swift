package import VideoTypes

/// What a provider said when it was asked about a request.
package struct ProviderSurvey: Sendable, Hashable {
    package let provider: String
    /// The place in the configuration, from 0.
    package let order: Int
    package let answer: Answer
    package let breaker: CircuitBreaker.Answer
    package let health: ProviderHealth
    /// What its clips were thought of, from 0 to 100.
    package let score: Double

    /// What it can do, or why it did not tell.
    package enum Answer: Sendable, Hashable {
        case capabilities(ProviderCapabilities)
        case failed(String)
    }

    package init(
        provider: String, order: Int, answer: Answer, breaker: CircuitBreaker.Answer, health: ProviderHealth,
        score: Double = ScoreBoard.start
    ) {
        self.provider = provider
        self.order = order
        self.answer = answer
        self.breaker = breaker
        self.health = health
        self.score = score
    }
}

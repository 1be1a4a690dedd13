package import VideoTypes

/// What has been asked of a provider since the router was made, counted.
package struct ProviderFigures: Sendable, Hashable {
    /// Attempts, whatever came of them.
    package private(set) var orders = 0
    package private(set) var clips = 0
    /// From order to end, of all attempts.
    package private(set) var seconds = 0.0
    /// Of clips that came.
    package private(set) var videoSeconds = 0.0
    /// Charged, or perhaps charged.
    package private(set) var dollars = 0.0
    /// By the name of the error; "empty" of clips that show nothing.
    package private(set) var failures: [String: Int] = [:]

    mutating func count(_ attempt: AttemptRecord, clip: VideoResult?) {
        orders += 1
        seconds += attempt.seconds
        dollars += attempt.costDollars ?? 0
        if let clip {
            clips += 1
            videoSeconds += clip.durationSeconds
        }
        if attempt.outcome != "done" { failures[attempt.outcome, default: 0] += 1 }
    }

    package var json: JSONText {
        .object([
            ("orders", .integer(orders)), ("clips", .integer(clips)), ("seconds", .number(seconds)),
            ("video_seconds", .number(videoSeconds)), ("dollars", .number(dollars)),
            ("failures", .object(failures.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })),
        ])
    }
}

/// Whether a provider is asked, in one word.
package enum BreakerState: String, Sendable, Hashable, CaseIterable {
    case closed
    case open
    case probing
    case coolingDown = "cooling_down"
    case noKey = "no_key"
    case shutOut = "shut_out"

    init(_ answer: CircuitBreaker.Answer) {
        self =
            switch answer {
            case .allowed: .closed
            case .open: .open
            case .probing: .probing
            case .coolingDown: .coolingDown
            case .shutOut(.authentication): .noKey
            case .shutOut(.byHand): .shutOut
            }
    }
}

/// How one provider stands.
package struct ProviderStanding: Sendable {
    package let provider: String
    package let account: String?
    package let health: ProviderHealth
    package let breaker: BreakerState
    package let figures: ProviderFigures
}

extension VideoRouter {
    /// How each provider stands now; asks those about their health of whom nothing fresh is known.
    package func standings() async -> [ProviderStanding] {
        await askHealths()
        return knownStandings
    }

    /// The same without asking anybody.
    package var knownStandings: [ProviderStanding] {
        let now = clock.now()
        return providers.map { provider in
            ProviderStanding(
                provider: provider.name, account: provider.account, health: health[provider.name]?.health ?? .ready,
                breaker: BreakerState(board.worst(of: provider.name, account: provider.account, at: now)),
                figures: figures[provider.name] ?? ProviderFigures())
        }
    }
}

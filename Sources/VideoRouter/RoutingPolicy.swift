public import VideoTypes

/// What the router goes by; every value has a default.
public struct RoutingPolicy: Sendable, Hashable {
    /// Providers that may take over when another refuses a request for its content.
    ///
    /// Empty unless the owner of the requests wants it: a refusal is not to be laundered silently.
    public var policyFallbacks: Set<String> = []
    /// Providers that go first for prompts with certain words, among those of the same quality.
    public var contentRules: [ContentRule] = []
    /// What a clip of a tier may cost and how long it may take at most, whatever the request says.
    public var caps: [Quality: RoutingCap] = [:]
    /// Providers that are never asked.
    public var without: Set<String> = []
    /// Prices within this factor of each other count as the same: the faster provider wins.
    public var priceBucketFactor = 1.25
    /// The queue, in seconds, at which a machine of one's own is as dear as its amortised price says.
    public var longQueueSeconds = 600.0
    /// How long a provider may take to say what it can do.
    public var capabilitiesSeconds = 5.0
    /// For how long an answer about a provider's health holds.
    public var healthSeconds = 15.0
    /// A provider that takes more than this times its own p90 counts as hung.
    public var hangFactor = 3.0
    /// No attempt counts as hung before this.
    public var leastAttemptSeconds = 60.0
    /// When an attempt counts as hung whose provider cannot tell how long it takes.
    public var unknownAttemptSeconds = 1800.0
    /// The pause before a provider is tried again.
    public var retryDelaySeconds = 1.0
    /// The longest wait for a provider that asked for a pause.
    public var longestCooldownWaitSeconds = 120.0
    /// Attempts for one request, all providers together.
    public var maxAttempts = 6
    /// How long a promise holds.
    public var promiseSeconds = 7 * 86_400.0
    /// Whether another may be asked while an order of the same request may still be worked on elsewhere.
    public var allowsPayingTwice = false
    /// Whether finished clips are looked at.
    public var checksQuality = true

    public init() {}
}

/// Prompts with one of these words go to these providers first.
public struct ContentRule: Sendable, Hashable {
    /// Whole words, in any case.
    public var words: Set<String>
    public var prefers: Set<String>

    public init(words: Set<String>, prefers: Set<String>) {
        self.words = words
        self.prefers = prefers
    }
}

/// Limits of the owner, beside those of a request.
public struct RoutingCap: Sendable, Hashable {
    public var maxCostDollars: Double?
    public var maxLatencySeconds: Double?

    public init(maxCostDollars: Double? = nil, maxLatencySeconds: Double? = nil) {
        self.maxCostDollars = maxCostDollars
        self.maxLatencySeconds = maxLatencySeconds
    }
}

extension RoutingPolicy {
    /// All that it names.
    package var providers: Set<String> {
        contentRules.reduce(without.union(policyFallbacks)) { $0.union($1.prefers) }
    }

    /// The request with the owner's limits where they are narrower.
    package func capped(_ features: RequestFeatures) -> RequestFeatures {
        guard let cap = caps[features.quality] else { return features }
        var features = features
        features.maxCostDollars = Self.narrower(features.maxCostDollars, cap.maxCostDollars)
        features.maxLatencySeconds = Self.narrower(features.maxLatencySeconds, cap.maxLatencySeconds)
        return features
    }

    private static func narrower(_ left: Double?, _ right: Double?) -> Double? {
        guard let left, let right else { return left ?? right }
        return min(left, right)
    }
}

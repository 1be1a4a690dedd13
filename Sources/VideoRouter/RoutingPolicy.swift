/// What the router goes by; every value has a default.
public struct RoutingPolicy: Sendable, Hashable {
    /// Providers that may take over when another refuses a request for its content.
    ///
    /// Empty unless the owner of the requests wants it: a refusal is not to be laundered silently.
    public var policyFallbacks: Set<String> = []
    /// Providers that go first for prompts with certain words, among those of the same quality.
    public var contentRules: [ContentRule] = []
    /// Providers that are never asked.
    public var without: Set<String> = []
    /// Prices within this factor of each other count as the same: the faster provider wins.
    public var priceBucketFactor = 1.25
    /// The queue, in seconds, at which a machine of one's own is as dear as its amortised price says.
    public var longQueueSeconds = 600.0
    /// How long a provider may take to say what it can do.
    public var capabilitiesSeconds = 5.0
    /// How often a provider's health is asked for.
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

public import VideoTypes

/// A clip that will be made later.
public struct VideoPromise: Sendable, Hashable, Codable {
    /// That of the request.
    public var id: VideoRequest.ID
    /// Who is expected to make it.
    public var provider: String
    /// When it would be ready, in seconds from `madeAt`; nil where nobody can tell.
    public var estimate: TimeEstimate?
    /// Seconds since 1970.
    public var madeAt: Double
    /// When the request is given up, in seconds since 1970.
    public var expiresAt: Double
    /// What attempts have cost already, in dollars.
    public var spentDollars: Double
    /// Why nobody serves the request at once: a line for each provider.
    public var reasons: [String]

    public init(
        id: VideoRequest.ID, provider: String, estimate: TimeEstimate?, madeAt: Double, expiresAt: Double,
        spentDollars: Double = 0, reasons: [String] = []
    ) {
        self.id = id
        self.provider = provider
        self.estimate = estimate
        self.madeAt = madeAt
        self.expiresAt = expiresAt
        self.spentDollars = spentDollars
        self.reasons = reasons
    }
}

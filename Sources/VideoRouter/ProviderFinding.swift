public import VideoTypes

/// What the router thinks of one provider for one request.
public struct ProviderFinding: Sendable, Hashable {
    public let provider: String
    /// nil where the provider did not tell.
    public let model: String?
    /// The place in the order of preference, from 0; nil where the provider cannot serve the request.
    public let rank: Int?
    /// Why not; empty where it can.
    public let obstacles: [RoutingObstacle]
    /// The tier that it would serve; nil where it did not tell.
    public let quality: Quality?
    /// What the clip would cost; nil where the provider did not tell.
    public let costDollars: Double?
    /// The same with what a long queue adds to it: what the ranking goes by.
    public let rankedPriceDollars: Double?
    /// nil where the provider cannot tell.
    public let estimate: TimeEstimate?
    /// What should be known of how it would be made there.
    public let remarks: [String]

    package init(
        provider: String, model: String? = nil, rank: Int? = nil, obstacles: [RoutingObstacle] = [],
        quality: Quality? = nil, costDollars: Double? = nil, rankedPriceDollars: Double? = nil,
        estimate: TimeEstimate? = nil, remarks: [String] = []
    ) {
        self.provider = provider
        self.model = model
        self.rank = rank
        self.obstacles = obstacles
        self.quality = quality
        self.costDollars = costDollars
        self.rankedPriceDollars = rankedPriceDollars
        self.estimate = estimate
        self.remarks = remarks
    }
}

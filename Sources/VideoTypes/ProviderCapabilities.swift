/// What a provider can do right now, and what one request would take there.
public struct ProviderCapabilities: Sendable, Hashable {
    public var provider: String
    public var model: String
    public var limits: Limits
    /// The tiers that the provider serves.
    public var qualities: Set<Quality>
    /// Why the request cannot be served; empty where it can.
    public var obstacles: [Obstacle]
    /// nil where the provider cannot tell.
    public var estimate: TimeEstimate?
    /// Dollars for a second of video: what one more costs.
    public var marginalCostPerSecond: Double
    /// The same with the price of the machine in it.
    public var amortisedCostPerSecond: Double
    /// What this request would cost at the margin.
    public var costDollars: Double
    /// Whether the model is loaded.
    public var isWarm: Bool
    /// What whoever orders should know of how this request would be served; empty where nothing is out of the ordinary.
    public var remarks: [String]

    public init(
        provider: String, model: String, limits: Limits, qualities: Set<Quality> = Set(Quality.allCases),
        obstacles: [Obstacle] = [], estimate: TimeEstimate? = nil, marginalCostPerSecond: Double = 0,
        amortisedCostPerSecond: Double = 0, costDollars: Double = 0, isWarm: Bool = false,
        remarks: [String] = []
    ) {
        self.provider = provider
        self.model = model
        self.limits = limits
        self.qualities = qualities
        self.obstacles = obstacles
        self.estimate = estimate
        self.marginalCostPerSecond = marginalCostPerSecond
        self.amortisedCostPerSecond = amortisedCostPerSecond
        self.costDollars = costDollars
        self.isWarm = isWarm
        self.remarks = remarks
    }
}

extension ProviderCapabilities {
    /// What bounds every request.
    public struct Limits: Sendable, Hashable {
        public var maxDurationSeconds: Double
        /// Width times height.
        public var maxPixels: Int
        /// Width and height come in multiples of this.
        public var sizeStep: Int
        /// Frames come in multiples of this plus one; 1 where any number goes.
        public var frameStep: Int
        public var maxPromptBytes: Int
        public var makesAudio: Bool
        public var maxReferenceImages: Int
        public var minDurationSeconds: Double
        public var framesPerSecond: ClosedRange<Int>
        /// The only ratios that are made; nil where any goes.
        public var aspectRatios: Set<AspectRatio>?

        public init(
            maxDurationSeconds: Double, maxPixels: Int, sizeStep: Int = 16, frameStep: Int = 4,
            maxPromptBytes: Int = VideoRequest.Limits.promptBytes, makesAudio: Bool = false,
            maxReferenceImages: Int = 0, minDurationSeconds: Double = 0,
            framesPerSecond: ClosedRange<Int> = VideoRequest.Limits.framesPerSecond,
            aspectRatios: Set<AspectRatio>? = nil
        ) {
            self.maxDurationSeconds = maxDurationSeconds
            self.maxPixels = maxPixels
            self.sizeStep = sizeStep
            self.frameStep = frameStep
            self.maxPromptBytes = maxPromptBytes
            self.makesAudio = makesAudio
            self.maxReferenceImages = maxReferenceImages
            self.minDurationSeconds = minDurationSeconds
            self.framesPerSecond = framesPerSecond
            self.aspectRatios = aspectRatios
        }
    }

    /// One reason why a request cannot be served.
    public struct Obstacle: Sendable, Hashable {
        /// The field of the request; nil where it is none's fault.
        public let parameter: String?
        public let reason: String

        public init(_ reason: String, parameter: String? = nil) {
            self.parameter = parameter
            self.reason = reason
        }
    }
}

/// A request with every default filled in: what a clip was really made with.
public struct VideoSettings: Sendable, Hashable, Codable {
    public var prompt: String
    public var negativePrompt: String
    public var width: Int
    public var height: Int
    public var frames: Int
    public var framesPerSecond: Int
    public var steps: Int
    public var guidanceScale: Double
    /// nil for models with a single expert.
    public var guidanceScale2: Double?
    public var flowShift: Double
    public var scheduler: Scheduler
    public var sigmas: [Double]?
    public var seed: UInt64
    public var tilesVAE: Bool

    public init(
        prompt: String, negativePrompt: String, width: Int, height: Int, frames: Int, framesPerSecond: Int, steps: Int,
        guidanceScale: Double, guidanceScale2: Double?, flowShift: Double, scheduler: Scheduler, sigmas: [Double]?,
        seed: UInt64, tilesVAE: Bool
    ) {
        self.prompt = prompt
        self.negativePrompt = negativePrompt
        self.width = width
        self.height = height
        self.frames = frames
        self.framesPerSecond = framesPerSecond
        self.steps = steps
        self.guidanceScale = guidanceScale
        self.guidanceScale2 = guidanceScale2
        self.flowShift = flowShift
        self.scheduler = scheduler
        self.sigmas = sigmas
        self.seed = seed
        self.tilesVAE = tilesVAE
    }

    public var durationSeconds: Double { Double(frames) / Double(framesPerSecond) }
}

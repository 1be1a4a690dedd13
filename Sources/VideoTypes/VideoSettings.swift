/// A request with every default filled in: what a clip was really made with.
public struct VideoSettings: Sendable, Hashable {
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
    /// Pictures; none where the clip is made from words alone.
    public var inputs: [ClipInput]

    public init(
        prompt: String, negativePrompt: String, width: Int, height: Int, frames: Int, framesPerSecond: Int, steps: Int,
        guidanceScale: Double, guidanceScale2: Double?, flowShift: Double, scheduler: Scheduler, sigmas: [Double]?,
        seed: UInt64, tilesVAE: Bool, inputs: [ClipInput] = []
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
        self.inputs = inputs
    }

    public var durationSeconds: Double { Double(frames) / Double(framesPerSecond) }
}

/// A journal keeps settings for years: what was not there when they were written is read as none.
extension VideoSettings: Codable {
    private enum CodingKeys: String, CodingKey {
        case prompt, negativePrompt, width, height, frames, framesPerSecond, steps, guidanceScale, guidanceScale2
        case flowShift, scheduler, sigmas, seed, tilesVAE, inputs
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            prompt: try values.decode(String.self, forKey: .prompt),
            negativePrompt: try values.decode(String.self, forKey: .negativePrompt),
            width: try values.decode(Int.self, forKey: .width), height: try values.decode(Int.self, forKey: .height),
            frames: try values.decode(Int.self, forKey: .frames),
            framesPerSecond: try values.decode(Int.self, forKey: .framesPerSecond),
            steps: try values.decode(Int.self, forKey: .steps),
            guidanceScale: try values.decode(Double.self, forKey: .guidanceScale),
            guidanceScale2: try values.decodeIfPresent(Double.self, forKey: .guidanceScale2),
            flowShift: try values.decode(Double.self, forKey: .flowShift),
            scheduler: try values.decode(Scheduler.self, forKey: .scheduler),
            sigmas: try values.decodeIfPresent([Double].self, forKey: .sigmas),
            seed: try values.decode(UInt64.self, forKey: .seed),
            tilesVAE: try values.decode(Bool.self, forKey: .tilesVAE),
            inputs: try values.decodeIfPresent([ClipInput].self, forKey: .inputs) ?? [])
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(prompt, forKey: .prompt)
        try values.encode(negativePrompt, forKey: .negativePrompt)
        try values.encode(width, forKey: .width)
        try values.encode(height, forKey: .height)
        try values.encode(frames, forKey: .frames)
        try values.encode(framesPerSecond, forKey: .framesPerSecond)
        try values.encode(steps, forKey: .steps)
        try values.encode(guidanceScale, forKey: .guidanceScale)
        try values.encodeIfPresent(guidanceScale2, forKey: .guidanceScale2)
        try values.encode(flowShift, forKey: .flowShift)
        try values.encode(scheduler, forKey: .scheduler)
        try values.encodeIfPresent(sigmas, forKey: .sigmas)
        try values.encode(seed, forKey: .seed)
        try values.encode(tilesVAE, forKey: .tilesVAE)
        if !inputs.isEmpty { try values.encode(inputs, forKey: .inputs) }
    }
}

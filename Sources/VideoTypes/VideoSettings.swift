/// A request with every default filled in: what a clip was really made with.
public struct VideoSettings: Sendable, Hashable {
    public var prompts: Prompts
    public var clip: ClipShape
    public var sampling: SamplingSettings
    /// Pictures; none where the clip is made from words alone.
    public var inputs: [ClipInput]
    /// LoRAs, whose changes add up.
    public var adapters: [AdapterInput]
    /// Whether the picture is decoded in tiles: less memory, more time.
    public var tilesVAE: Bool

    public init(
        prompts: Prompts, clip: ClipShape, sampling: SamplingSettings, inputs: [ClipInput] = [],
        adapters: [AdapterInput] = [], tilesVAE: Bool = false
    ) {
        self.prompts = prompts
        self.clip = clip
        self.sampling = sampling
        self.inputs = inputs
        self.adapters = adapters
        self.tilesVAE = tilesVAE
    }
}

/// What a clip shows, in words.
public struct Prompts: Sendable, Hashable {
    public var positive: String
    /// What it does not show; of no matter where there is no guidance.
    public var negative: String

    public init(positive: String, negative: String = "") {
        self.positive = positive
        self.negative = negative
    }
}

/// How large a clip is, and how long.
public struct ClipShape: Sendable, Hashable {
    public var width: Int
    public var height: Int
    public var frames: Int
    public var framesPerSecond: Int

    public init(width: Int, height: Int, frames: Int, framesPerSecond: Int) {
        self.width = width
        self.height = height
        self.frames = frames
        self.framesPerSecond = framesPerSecond
    }

    public var durationSeconds: Double { Double(frames) / Double(framesPerSecond) }
}

/// How noise becomes a clip.
public struct SamplingSettings: Sendable, Hashable {
    public var scheduler: Scheduler
    public var levels: Levels
    /// Bends the noise levels; nil for schedulers that have no shift.
    public var shift: Double?
    /// Weight of the prompt: one scale for each expert, 1 for none.
    public var guidance: [Double]
    public var guidanceSchedule: GuidanceSchedule
    public var attention: Attention
    public var seed: UInt64

    /// Which noise levels are walked.
    public enum Levels: Sendable, Hashable {
        /// As many as this, where the scheduler puts them.
        case steps(Int)
        case sigmas([Double])
    }

    public init(
        scheduler: Scheduler, levels: Levels, shift: Double?, guidance: [Double],
        guidanceSchedule: GuidanceSchedule = .constant, attention: Attention = .full, seed: UInt64
    ) {
        self.scheduler = scheduler
        self.levels = levels
        self.shift = shift
        self.guidance = guidance
        self.guidanceSchedule = guidanceSchedule
        self.attention = attention
        self.seed = seed
    }

    public var steps: Int {
        switch levels {
        case .steps(let count): count
        case .sigmas(let sigmas): sigmas.count
        }
    }

    public var sigmas: [Double]? {
        if case .sigmas(let sigmas) = levels { sigmas } else { nil }
    }

    /// The last scale is that of all further experts.
    public func guidance(ofExpert expert: Int) -> Double {
        guidance.isEmpty ? 1 : guidance[min(expert, guidance.count - 1)]
    }
}

/// A journal keeps settings for years, without their parts: what was not there when they were written is read as none.
extension VideoSettings: Codable {
    private enum CodingKeys: String, CodingKey {
        case prompt, negativePrompt, width, height, frames, framesPerSecond, steps, guidanceScale, guidanceScale2
        case guidanceSchedule, flowShift, scheduler, sigmas, seed, attention, tilesVAE, inputs, adapters
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        prompts = Prompts(
            positive: try values.decode(String.self, forKey: .prompt),
            negative: try values.decode(String.self, forKey: .negativePrompt))
        clip = ClipShape(
            width: try values.decode(Int.self, forKey: .width), height: try values.decode(Int.self, forKey: .height),
            frames: try values.decode(Int.self, forKey: .frames),
            framesPerSecond: try values.decode(Int.self, forKey: .framesPerSecond))
        let sigmas = try values.decodeIfPresent([Double].self, forKey: .sigmas)
        let guidance = try [
            values.decode(Double.self, forKey: .guidanceScale),
            values.decodeIfPresent(Double.self, forKey: .guidanceScale2),
        ]
        sampling = SamplingSettings(
            scheduler: try values.decode(Scheduler.self, forKey: .scheduler),
            levels: try sigmas.map { .sigmas($0) } ?? .steps(values.decode(Int.self, forKey: .steps)),
            shift: try values.decodeIfPresent(Double.self, forKey: .flowShift), guidance: guidance.compactMap(\.self),
            guidanceSchedule: try values.decodeIfPresent(GuidanceSchedule.self, forKey: .guidanceSchedule) ?? .constant,
            attention: try values.decodeIfPresent(Attention.self, forKey: .attention) ?? .full,
            seed: try values.decode(UInt64.self, forKey: .seed))
        inputs = try values.decodeIfPresent([ClipInput].self, forKey: .inputs) ?? []
        adapters = try values.decodeIfPresent([AdapterInput].self, forKey: .adapters) ?? []
        tilesVAE = try values.decode(Bool.self, forKey: .tilesVAE)
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(prompts.positive, forKey: .prompt)
        try values.encode(prompts.negative, forKey: .negativePrompt)
        try values.encode(clip.width, forKey: .width)
        try values.encode(clip.height, forKey: .height)
        try values.encode(clip.frames, forKey: .frames)
        try values.encode(clip.framesPerSecond, forKey: .framesPerSecond)
        try values.encode(sampling.steps, forKey: .steps)
        try values.encode(sampling.guidance(ofExpert: 0), forKey: .guidanceScale)
        try values.encodeIfPresent(sampling.guidance.dropFirst().first, forKey: .guidanceScale2)
        if sampling.guidanceSchedule != .constant {
            try values.encode(sampling.guidanceSchedule, forKey: .guidanceSchedule)
        }
        if sampling.attention != .full { try values.encode(sampling.attention, forKey: .attention) }
        try values.encodeIfPresent(sampling.shift, forKey: .flowShift)
        try values.encode(sampling.scheduler, forKey: .scheduler)
        try values.encodeIfPresent(sampling.sigmas, forKey: .sigmas)
        try values.encode(sampling.seed, forKey: .seed)
        try values.encode(tilesVAE, forKey: .tilesVAE)
        if !inputs.isEmpty { try values.encode(inputs, forKey: .inputs) }
        if !adapters.isEmpty { try values.encode(adapters, forKey: .adapters) }
    }
}

/// What a person or a program asks for.
///
/// Fields left nil take the model's own defaults. Duration, resolution, aspect ratio and quality say it in words that
/// every provider understands; frames, width, height and steps say it exactly and go before them.
public struct VideoRequest: Sendable, Hashable, Identifiable, Codable {
    /// Names the request when it is cancelled and in logs; a provider that gets the same one twice makes one clip.
    public var id: String
    public var prompt: String
    public var negativePrompt: String?
    /// Rounded to the nearest number of frames that the model can make.
    public var durationSeconds: Double?
    /// Exact where nil.
    public var durationRule: DurationRule?
    /// Parts of the clip with words of their own, one after the other; what the prompt says holds for all of them.
    public var shots: [Shot]?
    /// The id of a former request whose clip this one goes on from.
    public var continues: String?
    /// Names of characters and environments that a router knows.
    public var cast: [String]?
    public var resolution: Resolution?
    public var aspectRatio: AspectRatio?
    public var quality: Quality
    public var wantsAudio: Bool
    /// Pictures to begin from.
    public var referenceImages: [ReferenceImage]
    /// The most that all attempts together may cost; nil for no limit.
    public var maxCostDollars: Double?
    /// The longest wait from submission to finished clip; nil for no limit.
    public var maxLatencySeconds: Double?
    /// What only one provider understands, passed through untouched.
    public var extras: [String: JSONText]
    public var width: Int?
    public var height: Int?
    /// Models make 4k + 1 of them, clouds any number: see `ProviderCapabilities.Limits.frameStep`.
    public var frames: Int?
    public var framesPerSecond: Int?
    public var steps: Int?
    /// Classifier-free guidance; 1 means none.
    public var guidanceScale: Double?
    /// Guidance of the low-noise expert, for models with two experts.
    public var guidanceScale2: Double?
    /// Constant where nil.
    public var guidanceSchedule: GuidanceSchedule?
    public var flowShift: Double?
    public var scheduler: Scheduler?
    /// Explicit noise levels for few-step models, descending from at most 1, without the closing 0.
    public var sigmas: [Double]?
    /// Chosen at random where nil; only the low 32 bits matter, as in torch.
    public var seed: UInt64?
    /// Full where nil.
    public var attention: Attention?
    public var tilesVAE: Bool
    /// LoRAs, whose changes add up; nil for none.
    public var adapters: [AdapterChoice]?
    /// As W3C's Trace Context has it: passed on to whoever makes the clip, and of no matter to it.
    public var traceParent: String?

    public init(prompt: String, quality: Quality = .standard, tilesVAE: Bool = false) {
        id = Self.randomID()
        self.prompt = prompt
        self.quality = quality
        wantsAudio = false
        referenceImages = []
        extras = [:]
        self.tilesVAE = tilesVAE
    }

    private static func randomID() -> String {
        var generator = SystemRandomNumberGenerator()
        let digits = [generator.next(), generator.next()].map { (bits: UInt64) in
            let text = String(bits, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }
        return "request_" + digits.joined()
    }
}

/// What a person or a program asks for.
///
/// Fields left nil take the model's own defaults. Duration, resolution, aspect ratio and quality say it in words that
/// every provider understands; frames, width, height and steps say it exactly and go before them.
public struct VideoRequest: Sendable, Hashable, Identifiable {
    /// Names the request when it is cancelled and in logs; a provider that gets the same one twice makes one clip.
    public var id: String
    public var prompt: String
    public var negativePrompt: String?
    /// Rounded to the nearest number of frames that the model can make.
    public var durationSeconds: Double?
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
    /// 4k + 1.
    public var frames: Int?
    public var framesPerSecond: Int?
    public var steps: Int?
    /// Classifier-free guidance; 1 means none.
    public var guidanceScale: Double?
    /// Guidance of the low-noise expert, for models with two experts.
    public var guidanceScale2: Double?
    public var flowShift: Double?
    public var scheduler: Scheduler?
    /// Explicit noise levels for few-step models, descending from at most 1, without the closing 0.
    public var sigmas: [Double]?
    /// Chosen at random where nil; only the low 32 bits matter, as in torch.
    public var seed: UInt64?
    public var tilesVAE: Bool

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

extension VideoRequest {
    /// Limits that hold for every model.
    ///
    /// They stop absurd work before it starts, not merely large work.
    public enum Limits {
        public static let promptBytes = 64 * 1024
        public static let steps = 1...1000
        public static let frames = 1...4097
        public static let side = 1...8192
        public static let framesPerSecond = 1...240
        public static let guidanceScale = 0.0...1000.0
        public static let flowShift = 0.01...100.0
        /// Smallest noise level, and smallest distance of two.
        public static let sigmaStep = 1e-4
    }

    /// Checks what can be checked without knowing the model.
    public func validate() throws(VideoError) {
        try validateWords()
        try Self.validate(prompt, "prompt")
        try Self.validate(negativePrompt ?? "", "negative prompt")
        try Self.check("steps", steps, Limits.steps)
        try Self.check("frames", frames, Limits.frames)
        try Self.check("width", width, Limits.side)
        try Self.check("height", height, Limits.side)
        try Self.check("fps", framesPerSecond, Limits.framesPerSecond)
        try Self.check("guidance", guidanceScale, Limits.guidanceScale)
        try Self.check("guidance-2", guidanceScale2, Limits.guidanceScale)
        try Self.check("flow-shift", flowShift, Limits.flowShift)
        if let frames, frames % 4 != 1 {
            let lower = max(1, (frames - 1) / 4 * 4 + 1)
            throw .invalid("frames must be 4k + 1, got \(frames)", hint: "use \(lower) or \(lower + 4)")
        }
        try validateSigmas()
    }

    private static func validate(_ text: String, _ name: String) throws(VideoError) {
        guard text.utf8.count <= Limits.promptBytes else {
            throw .invalid(
                "the \(name) has \(text.utf8.count) bytes, the limit is \(Limits.promptBytes)",
                hint: "models read at most a few hundred words; shorten it")
        }
    }

    private static func check<T: Comparable>(_ name: String, _ value: T?, _ range: ClosedRange<T>) throws(VideoError) {
        guard let value else { return }
        // A NaN is in no range.
        guard range.contains(value) else {
            throw .invalid(
                "\(name) must be between \(range.lowerBound) and \(range.upperBound), got \(value)",
                hint: "leave --\(name) out to use the model's default")
        }
    }

    private func validateSigmas() throws(VideoError) {
        guard let sigmas else { return }
        let hint = "example: --sigmas 1,0.75,0.5,0.25"
        guard !sigmas.isEmpty, sigmas.count <= Limits.steps.upperBound else {
            throw .invalid("sigmas must have 1 to \(Limits.steps.upperBound) values, got \(sigmas.count)", hint: hint)
        }
        var previous = Double.infinity
        for sigma in sigmas {
            // As in the schedule that walks them: differences are rounded in the same way there.
            guard sigma >= Limits.sigmaStep, sigma <= 1, previous - sigma >= Limits.sigmaStep else {
                throw .invalid(
                    "sigmas must fall from at most 1 in steps of at least \(Limits.sigmaStep), got \(sigma)", hint: hint
                )
            }
            previous = sigma
        }
        if let steps, steps != sigmas.count {
            throw .invalid(
                "steps is \(steps) but sigmas has \(sigmas.count) values", hint: "leave --steps out, the list sets it")
        }
    }
}

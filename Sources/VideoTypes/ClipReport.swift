/// A finished clip and what the engine knows about its making.
public struct ClipReport: Sendable, Hashable, Codable {
    public let path: String
    /// The model's name: "built-in", a manifest entry or the folder's name.
    public let model: String
    public let settings: VideoSettings
    public let backend: String
    public let dtype: String
    public let encoder: String
    public let fileBytes: Int
    /// Wall-clock seconds of each stage that ran, and of the whole.
    public let stageSeconds: [VideoProgress.Stage: Double]
    public let totalSeconds: Double
    public let peakMemoryBytes: Int
    /// The same on the GPU; nil where none took part.
    public let peakDeviceMemoryBytes: Int?
    /// What the device has taken for it; nil where nobody counts.
    public let joules: Double?
    /// Tokens of the prompt, and how many of them the model reads; nil where nobody counted.
    public let promptTokens: Int?
    public let promptTokenLimit: Int?
    /// What the LoRAs changed, in the order of the settings; nil where there were none.
    public let adapters: [AdapterReport]?
    /// How near the clip begins to its first picture, peak signal to noise; nil without one.
    public let pictureDecibels: Double?

    public init(
        path: String, model: String, settings: VideoSettings, backend: String, dtype: String, encoder: String,
        fileBytes: Int, stageSeconds: [VideoProgress.Stage: Double], totalSeconds: Double, peakMemoryBytes: Int,
        peakDeviceMemoryBytes: Int? = nil, joules: Double? = nil, promptTokens: Int? = nil,
        promptTokenLimit: Int? = nil, adapters: [AdapterReport]? = nil, pictureDecibels: Double? = nil
    ) {
        self.path = path
        self.model = model
        self.settings = settings
        self.backend = backend
        self.dtype = dtype
        self.encoder = encoder
        self.fileBytes = fileBytes
        self.stageSeconds = stageSeconds
        self.totalSeconds = totalSeconds
        self.peakMemoryBytes = peakMemoryBytes
        self.peakDeviceMemoryBytes = peakDeviceMemoryBytes
        self.joules = joules
        self.promptTokens = promptTokens
        self.promptTokenLimit = promptTokenLimit
        self.adapters = adapters
        self.pictureDecibels = pictureDecibels
    }

    /// Whether the model could not show the picture as it is.
    ///
    /// The built-in model begins 30 dB and more from pictures of its own colours, 15 to 22 from others.
    public var isPictureMissed: Bool { pictureDecibels.map { $0 < Self.shown } ?? false }

    private static let shown = 26.0

    /// Whether the end of the prompt took no part.
    public var isPromptCut: Bool { promptTokens ?? 0 > promptTokenLimit ?? .max }

    public var videoSecondsPerMinute: Double { settings.clip.durationSeconds / totalSeconds * 60 }
}

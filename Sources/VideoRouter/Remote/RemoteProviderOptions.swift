public import VideoTypes

/// Where a server of OpenAI's video API is, and what it does not tell of itself.
public struct RemoteProviderOptions: Sendable {
    /// Unique among the providers of a router.
    public var name: String
    /// With the version: "https://api.example.org/v1".
    public var url: String
    /// nil for the server's own choice.
    public var model: String?
    public var key: Key?
    /// Where finished clips go; made where it is missing, in a folder that must exist.
    public var folder: String
    public var fields: Fields = .standard
    /// The sizes that the server makes, and no others; empty where the limits alone decide.
    public var sizes: [Size] = []
    /// The durations that the server makes, and no others; empty where the limits alone decide.
    public var durationsSeconds: [Double] = []
    public var limits = ProviderCapabilities.Limits(
        maxDurationSeconds: 60, maxPixels: 1920 * 1088, sizeStep: 1, frameStep: 1)
    public var qualities = Set(Quality.allCases)
    public var dollarsPerSecond = 0.0
    /// How long the server works on a second of video.
    public var latencyPerSecond = 30.0
    /// When a clip that does not come is given up.
    public var giveUpSeconds = 1800.0
    public var maxClipBytes = 1 << 30
    /// A file of certificates to trust instead of the system's.
    public var authorities: String?
    /// Sends the key over http to other machines, too.
    public var allowsPlainHTTP = false

    public init(name: String, url: String, folder: String) {
        self.name = name
        self.url = url
        self.folder = folder
    }

    /// Where the key is; it is read once.
    public enum Key: Sendable, Hashable {
        /// A file that only its owner may read.
        case file(String)
        /// An environment variable.
        case environment(String)
    }

    /// Which fields the server knows.
    ///
    /// A server that is found to be wan-infer is sent all of ours, whatever is set here.
    public enum Fields: String, Sendable, Hashable, CaseIterable {
        /// OpenAI's own: prompt, model, seconds, size, input_reference.
        case standard
        /// And those that SGLang and vLLM-Omni share: frames, steps, guidance, seed, negative prompt.
        case extended
    }

    public struct Size: Sendable, Hashable {
        public let width: Int
        public let height: Int

        public init(width: Int, height: Int) {
            self.width = width
            self.height = height
        }

        var text: String { "\(width)x\(height)" }
    }
}

/// A key at a cloud, and what is common to all models that are used with it.
public struct CloudOptions: Sendable {
    /// The cloud's name: "fal", "runway", "gemini".
    public var cloud: String
    /// nil for the environment variable of the cloud's own clients.
    public var key: RemoteProviderOptions.Key?
    /// Kling's first generation: the secret beside the access key.
    public var secret: RemoteProviderOptions.Key?
    /// Another place than the cloud's own: a region, a relay.
    public var url: String?
    /// Of Vertex AI.
    public var project: String?
    public var location: String?
    /// Where finished clips go; made where it is missing, in a folder that must exist.
    public var folder: String
    /// Orders at one time, the rest waits here; nil for no limit.
    public var slots: Int?
    /// When a clip that does not come is given up.
    public var giveUpSeconds = 3600.0
    public var maxClipBytes = 1 << 30
    /// A file of certificates to trust instead of the system's.
    public var authorities: String?

    public init(cloud: String, folder: String) {
        self.cloud = cloud
        self.folder = folder
    }
}

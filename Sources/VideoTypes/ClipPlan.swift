/// What a request comes to on a model: settings and work.
public struct ClipPlan: Sendable, Hashable, Codable {
    public var settings: VideoSettings
    public var work: WorkEstimate

    public init(settings: VideoSettings, work: WorkEstimate) {
        self.settings = settings
        self.work = work
    }
}

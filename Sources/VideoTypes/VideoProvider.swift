/// Something that makes videos: this machine, a server, a cloud.
///
/// All calls may be made from any task at the same time.
public protocol VideoProvider: Sendable {
    /// Unique among the providers of a router.
    var name: String { get }

    /// What the provider can do right now, and what this request would take: never starts work.
    func capabilities(for request: VideoRequest) async throws(ProviderError) -> ProviderCapabilities

    /// Whether `capabilities` of this request are arithmetic alone: nothing in it can be waited for.
    func answersAtOnce(_ request: VideoRequest) -> Bool

    /// Makes the clip.
    ///
    /// A cancelled task cancels the work. The same request id submitted twice is one clip: after a lost connection the
    /// caller asks again with it and gets the work that is under way. Work that failed is begun anew.
    ///
    /// - Parameter progress: told of every step, in order, from any thread.
    func generate(
        _ request: VideoRequest, progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(ProviderError) -> VideoResult

    /// Whether the provider could work now; cheap.
    func healthCheck() async -> ProviderHealth

    /// Stops the request of this id; nothing happens where there is none.
    func cancel(_ id: VideoRequest.ID) async

    /// What the request of this id has cost although it brought no clip; nil where the provider cannot tell.
    func spentDollars(on id: VideoRequest.ID) async -> Double?

    /// Whether an order for the request of this id, or a variant of it, is under way here or may be.
    ///
    /// Whoever asks somebody else meanwhile pays twice.
    func hasOpenOrder(of id: VideoRequest.ID) async -> Bool

    /// Whether the clip of this id, or of a variant of it, was made here before: it is to be had once more for nothing.
    func hasClip(of id: VideoRequest.ID) async -> Bool

    /// Whose key and money it uses, where others use the same; nil where it stands alone.
    var account: String? { get }
}

extension VideoProvider {
    public func answersAtOnce(_ request: VideoRequest) -> Bool { false }

    public func spentDollars(on id: VideoRequest.ID) async -> Double? { nil }

    public func hasOpenOrder(of id: VideoRequest.ID) async -> Bool { false }

    public func hasClip(of id: VideoRequest.ID) async -> Bool { false }

    public var account: String? { nil }
}

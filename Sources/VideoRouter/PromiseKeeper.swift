public import VideoTypes

/// Where promised requests are kept until their clips are made.
public protocol PromiseKeeper: Sendable {
    /// Keeps the request; when this returns, not even a power cut loses it. A second time it replaces the first.
    func keep(_ kept: KeptRequest) async throws

    /// Everything that is kept, in the order in which it was promised.
    func all() async throws -> [KeptRequest]

    /// Drops the request: its clip is made, or nobody wants it any more.
    func settle(_ id: VideoRequest.ID) async throws
}

/// A request with what was promised about it.
public struct KeptRequest: Sendable, Hashable {
    public let request: VideoRequest
    public let options: RoutingOptions
    public let promise: VideoPromise

    public init(request: VideoRequest, options: RoutingOptions, promise: VideoPromise) {
        self.request = request
        self.options = options
        self.promise = promise
    }
}

public import VideoTypes

/// Sends a request to the provider that serves it best, and to the next best where that fails.
public actor VideoRouter {
    private let providers: [any VideoProvider]
    private let policy: RoutingPolicy
    private let promises: (any PromiseKeeper)?
    private let memory: (any RouterMemory)?
    private let log: DecisionLog?
    private let clock: RouterClock

    /// - Parameters:
    ///   - providers: in order of preference among equals; no two of one name.
    ///   - promises: keeps what cannot be made in time; nil where nothing is ever promised.
    ///   - memory: what is known about failures outlives a restart there.
    ///   - log: told of every decision.
    public init(
        _ providers: [any VideoProvider], policy: RoutingPolicy = RoutingPolicy(),
        promises: (any PromiseKeeper)? = nil, memory: (any RouterMemory)? = nil, log: DecisionLog? = nil
    ) throws(RouterError) {
        try self.init(providers, policy: policy, promises: promises, memory: memory, log: log, clock: .system)
    }

    package init(
        _ providers: [any VideoProvider], policy: RoutingPolicy, promises: (any PromiseKeeper)?,
        memory: (any RouterMemory)?, log: DecisionLog?, clock: RouterClock
    ) throws(RouterError) {
        var names: Set<String> = []
        for provider in providers where !names.insert(provider.name).inserted {
            throw RouterError(.configuration, "two providers have the name \(provider.name)")
        }
        self.providers = providers
        self.policy = policy
        self.promises = promises
        self.memory = memory
        self.log = log
        self.clock = clock
    }

    /// Makes the clip with the best provider there is; what was thought of each is in the result's
    /// `metadata["routing"]`.
    ///
    /// A cancelled task cancels the work wherever it is.
    public func generate(
        _ request: VideoRequest, options: RoutingOptions = RoutingOptions(),
        progress: @escaping @Sendable (VideoProgress) -> Void = { _ in }
    ) async throws(RouterError) -> RoutingOutcome {
        throw RouterError(.noProviderAvailable, "no provider can serve the request now")
    }

    /// What each provider could do for the request now, the best first; starts no work.
    public func explain(
        _ request: VideoRequest, options: RoutingOptions = RoutingOptions()
    ) async throws(RouterError) -> [ProviderFinding] { [] }

    /// Stops the request of this id wherever it is, a promised one as well.
    public func cancel(_ id: VideoRequest.ID) async {}

    /// Makes the clips that were promised, one after the other; what still cannot be made stays promised.
    ///
    /// To be called after a start and now and then.
    public func keepPromises(
        progress: @escaping @Sendable (VideoRequest.ID, VideoProgress) -> Void = { _, _ in }
    ) async throws(RouterError) -> [VideoRequest.ID: Result<VideoResult, RouterError>] { [:] }

    /// Lets a provider that was shut out, after a wrong key for instance, be tried again.
    public func reset(_ provider: String) {}

    /// Shuts a provider out until it is reset.
    public func shutOut(_ provider: String) {}
}

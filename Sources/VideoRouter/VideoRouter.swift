import StrictJSON
public import VideoTypes

/// Sends a request to the provider that serves it best, and to the next best where that fails.
public actor VideoRouter {
    let providers: [any VideoProvider]
    let policy: RoutingPolicy
    let promises: (any PromiseKeeper)?
    let log: DecisionLog?
    let clock: RouterClock
    /// Evenly spread from 0 to 1.
    let random: @Sendable () -> Double
    let gate: @Sendable (String, ClipExpectation) -> ClipJudgement
    let scorer: ClipScorer?
    private let cast: Cast
    private let memory: (any RouterMemory)?
    var board: BreakerBoard
    private var savedBoard: BreakerBoard
    /// What providers said about their health, and when.
    var health: [String: (at: Double, health: ProviderHealth)] = [:]
    var figures: [String: ProviderFigures] = [:]
    var running: [ObjectIdentifier: (id: VideoRequest.ID, handle: RouteHandle)] = [:]
    private var isKeepingPromises = false
    /// Ends of promises that could not be dropped: none of them is kept a second time.
    private var settled: [VideoRequest.ID: Result<RoutingOutcome, RouterError>] = [:]
    /// By what it was: the last thing that went wrong with it.
    private var troubles: [String: String] = [:]

    /// - Parameters:
    ///   - providers: in order of preference among equals; no two of one name.
    ///   - promises: keeps what cannot be made in time; nil where nothing is ever promised.
    ///   - memory: what is known about failures outlives a restart there.
    ///   - log: told of every decision.
    ///   - cast: characters and environments that requests may name.
    ///   - scorer: judges finished clips; nil where nobody does.
    public init(
        _ providers: [any VideoProvider], policy: RoutingPolicy = RoutingPolicy(),
        promises: (any PromiseKeeper)? = nil, memory: (any RouterMemory)? = nil, log: DecisionLog? = nil,
        cast: Cast = .none, scorer: ClipScorer? = nil
    ) throws(RouterError) {
        try self.init(
            providers, policy: policy, promises: promises, memory: memory, log: log, cast: cast, scorer: scorer,
            clock: .system,
            random: { Double.random(in: 0...1) }, gate: { QualityGate().judge($0, $1) })
    }

    package init(
        _ providers: [any VideoProvider], policy: RoutingPolicy, promises: (any PromiseKeeper)?,
        memory: (any RouterMemory)?, log: DecisionLog?, cast: Cast = .none, scorer: ClipScorer? = nil,
        clock: RouterClock, random: @escaping @Sendable () -> Double,
        gate: @escaping @Sendable (String, ClipExpectation) -> ClipJudgement
    ) throws(RouterError) {
        var names: Set<String> = []
        for provider in providers where !names.insert(provider.name).inserted {
            throw RouterError(.configuration, "two providers have the name \(provider.name)")
        }
        // A name that is misspelt would let those in who are to be left out.
        if let stranger = policy.providers.subtracting(names).min() {
            throw RouterError(
                .configuration,
                "the policy names '\(stranger.printable)', which is none of the providers: "
                    + names.sorted().joined(separator: ", "))
        }
        self.providers = providers
        self.policy = policy
        self.promises = promises
        self.memory = memory
        self.log = log
        self.clock = clock
        self.random = random
        self.gate = gate
        self.cast = cast
        self.scorer = scorer
        // What cannot be read is as good as nothing: breakers learn anew.
        var saved: [UInt8]?
        do {
            saved = try memory?.load()
            board = try saved.map { try BreakerBoard($0, clock) } ?? BreakerBoard()
        } catch {
            board = BreakerBoard()
            troubles["memory"] = "what was known about the providers cannot be read: \(error)"
        }
        savedBoard = board
    }

    /// What there is to say about its files, one line each: what could not be read, written or removed.
    ///
    /// None of it fails a request.
    public var remarks: [String] { troubles.sorted { $0.key < $1.key }.map(\.value) }

    /// Makes the clip with the best provider there is; what was thought of each is in the result's
    /// `metadata["routing"]`.
    ///
    /// A cancelled task cancels the work wherever it is.
    public func generate(
        _ request: VideoRequest, options: RoutingOptions = RoutingOptions(),
        progress: @escaping @Sendable (VideoProgress) -> Void = { _ in }
    ) async throws(RouterError) -> RoutingOutcome {
        let request = try cast.resolved(request)
        try check(request, options)
        return try await follow(request, options, spentBefore: 0, progress)
    }

    /// What each provider could do for the request now, the best first; starts no work.
    public func explain(
        _ request: VideoRequest, options: RoutingOptions = RoutingOptions()
    ) async throws(RouterError) -> [ProviderFinding] {
        let request = try cast.resolved(request)
        try check(request, options)
        var route = Route(request, options, policy, handle: RouteHandle(), startedAt: clock.now(), spentBefore: 0)
        await prepare(&route)
        let answers = await ask(request, leavingOut: [])
        let now = clock.now()
        return route.ranker.rank(surveys(answers, at: now), route.situation(at: now)).findings
    }

    /// Stops the request of this id wherever it is, a promised one as well.
    public func cancel(_ id: VideoRequest.ID) async {
        for (runningID, handle) in running.values where runningID == id { handle.cancel() }
        await settle(id, .failure(RouterError(.cancelled, "the request was cancelled")))
    }

    /// A request is promised anew.
    func isOwed(_ id: VideoRequest.ID) { settled[id] = nil }

    /// Drops a promise; where that cannot be done now, remembers how it ended.
    private func settle(_ id: VideoRequest.ID, _ end: Result<RoutingOutcome, RouterError>) async {
        guard let promises else { return }
        do {
            try await promises.settle(id)
            settled[id] = nil
            troubles["promise \(id)"] = nil
        } catch {
            settled[id] = end
            troubles["promise \(id)"] = "a promise that is kept cannot be dropped: \(error)"
        }
    }

    /// Makes the clips that were promised, one after the other; what still cannot be made stays promised.
    ///
    /// To be called after a start and now and then. What was promised has waited long enough: the limit of time of
    /// such a request no longer holds, its limit of cost does.
    public func keepPromises(
        progress: @escaping @Sendable (VideoRequest.ID, VideoProgress) -> Void = { _, _ in }
    ) async throws(RouterError) -> [VideoRequest.ID: Result<RoutingOutcome, RouterError>] {
        guard let promises, !isKeepingPromises else { return [:] }
        isKeepingPromises = true
        defer { isKeepingPromises = false }
        let all: [KeptRequest]
        do {
            all = try await promises.all()
        } catch {
            throw RouterError(.configuration, "the promises cannot be read: \(error)")
        }
        var results: [VideoRequest.ID: Result<RoutingOutcome, RouterError>] = [:]
        for kept in all {
            let id = kept.request.id
            let result = if let end = settled[id] { end } else { await fulfil(kept) { progress(id, $0) } }
            results[id] = result
            if case .failure(let error) = result {
                if Task.isCancelled { break }
                if error.code == .noProviderAvailable { continue }
            }
            // Of a clip that is made nothing more is owed, whoever has stopped waiting meanwhile.
            await settle(id, result)
            if Task.isCancelled { break }
        }
        return results
    }

    /// Forgets what is known about a provider: failures, a wrong key, being shut out or let in by hand.
    ///
    /// What holds for its account, and so for all models of that, is forgotten, too.
    public func reset(_ provider: String) throws(RouterError) {
        let account = try known(provider).account
        board.reset(provider)
        if let account { board.reset(account) }
        remember()
    }

    /// Shuts a provider out until it is reset.
    public func shutOut(_ provider: String) throws(RouterError) {
        _ = try known(provider)
        board.force(provider, .open)
        remember()
    }

    /// Lets a provider in whatever its failures, until it is reset.
    public func letIn(_ provider: String) throws(RouterError) {
        _ = try known(provider)
        board.force(provider, .closed)
        remember()
    }
}

extension VideoRouter {
    /// Ids get a suffix where a request needs a second clip.
    private static let idBytes = 240

    private func check(_ request: VideoRequest, _ options: RoutingOptions) throws(RouterError) {
        if let wanted = options.provider { _ = try known(wanted) }
        do throws(VideoError) {
            try request.validate()
        } catch {
            throw RouterError(.badRequest, error.message)
        }
        guard request.id.utf8.count <= Self.idBytes else {
            throw RouterError(.badRequest, "the id has more than \(Self.idBytes) bytes", parameter: "id")
        }
    }

    private func known(_ name: String) throws(RouterError) -> any VideoProvider {
        if let provider = providers.first(where: { $0.name == name }) { return provider }
        let names = providers.map(\.name).joined(separator: ", ")
        throw RouterError(
            .badRequest, "there is no provider '\(name.printable)' here; there are: \(names)", parameter: "provider")
    }

    private func fulfil(
        _ kept: KeptRequest, _ progress: @escaping @Sendable (VideoProgress) -> Void
    ) async -> Result<RoutingOutcome, RouterError> {
        guard clock.unixTime() < kept.promise.expiresAt else {
            return .failure(RouterError(.deadline, "the promise has expired"))
        }
        var request = kept.request
        request.maxLatencySeconds = nil
        var options = kept.options
        options.allowsPromise = false
        do throws(RouterError) {
            try check(request, options)
            return .success(
                try await follow(request, options, spentBefore: kept.promise.spentDollars, progress))
        } catch {
            return .failure(error)
        }
    }

    /// Saves what is known about the providers where it has changed.
    func remember() {
        guard let memory, board != savedBoard else { return }
        do {
            try memory.save(try board.saved(clock))
            savedBoard = board
            troubles["memory"] = nil
        } catch {
            // A disk that is full is no reason to fail a request.
            troubles["memory"] = "what is known about the providers cannot be saved: \(error)"
        }
    }
}

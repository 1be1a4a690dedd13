import Files
package import VideoTypes

/// A router with all that a configuration names: its providers, the book of its orders, its promises.
package final class RouterFleet: Sendable {
    package let router: VideoRouter
    package let providers: [any VideoProvider]
    package let clouds: [CloudProvider]
    /// Those whose orders are in the book.
    private let ordering: [any OrderingProvider]
    /// nil where this machine alone makes clips.
    package let book: OrderBook?
    /// nil where it is only looked at.
    package let promises: PromiseFolder?
    package let policy: RoutingPolicy
    /// nil where it is only looked at.
    package let log: DecisionLog?

    /// How the fleet is used.
    package enum Use: Sendable {
        /// Orders are placed: no other process may do so with the same folder.
        case work
        /// Nothing is ordered, and nothing written down: another process may be at work.
        case look
    }

    /// - Parameter makeLocal: gives this machine as a provider that puts its clips into a folder.
    package init(
        _ configuration: RouterConfiguration, for use: Use,
        makeLocal: (LocalMachine, _ clips: String) throws(RouterError) -> any VideoProvider
    ) throws(RouterError) {
        try Self.makeFolder(configuration.folder)
        let book = try Self.book(configuration, use)
        self.book = book
        var servers: [RemoteVideoProvider] = []
        var clouds: [CloudProvider] = []
        if let book {
            for options in configuration.servers { servers.append(try RemoteVideoProvider(options, book: book)) }
            clouds = try Self.clouds(configuration, book)
        }
        var providers: [any VideoProvider] = []
        if let local = configuration.local { providers.append(try makeLocal(local, configuration.clips)) }
        for server in servers { providers.append(server) }
        for cloud in clouds { providers.append(cloud) }
        self.providers = providers
        self.clouds = clouds
        ordering = servers.map { $0 as any OrderingProvider } + clouds.map { $0 as any OrderingProvider }
        policy = configuration.policyWithLimits
        promises = use == .work ? try PromiseFolder(path: configuration.promises) : nil
        log = use == .work ? try DecisionLog(path: configuration.decisions) : nil
        let scorer = if let options = configuration.scorer { try ClipScorer(options) } else { nil as ClipScorer? }
        router = try VideoRouter(
            providers, policy: policy, promises: promises, memory: RouterMemoryFile(path: configuration.memory),
            log: log, cast: configuration.cast, scorer: scorer)
    }

    private static func makeFolder(_ path: String) throws(RouterError) {
        do throws(ProviderError) {
            try ClipFolder(path: path).check()
        } catch {
            throw RouterError(.configuration, error.message)
        }
    }

    private static func book(
        _ configuration: RouterConfiguration, _ use: Use
    ) throws(RouterError) -> OrderBook? {
        guard !configuration.clouds.isEmpty || !configuration.servers.isEmpty else { return nil }
        return switch use {
        case .work: try OrderBook(path: configuration.orders, limits: configuration.limits)
        case .look: try OrderBook(reading: configuration.orders, limits: configuration.limits)
        }
    }

    private static func clouds(
        _ configuration: RouterConfiguration, _ book: OrderBook
    ) throws(RouterError) -> [CloudProvider] {
        guard !configuration.clouds.isEmpty else { return [] }
        let prices =
            if let path = configuration.prices { try PriceList.withFile(path) } else { try PriceList.builtIn() }
        var providers: [CloudProvider] = []
        for account in configuration.clouds {
            let desk = try CloudAccount(account.options, book: book, prices: prices, pollSeconds: account.pollSeconds)
            for model in account.models { providers.append(try CloudProvider(model.name, desk, model: model.id)) }
        }
        return providers
    }

    /// What there is to say about it, one line each: models that will go, files that could not be read.
    package var remarks: [String] {
        get async { clouds.compactMap(\.remark) + (await router.remarks) }
    }

    private static let stopSeconds = 15.0

    /// Waits until the orders of a cancelled request have been stopped where that can be done; what became of each.
    package func stopped(_ id: VideoRequest.ID) async -> [String] {
        let clock = RouterClock.system
        let end = clock.now() + Self.stopSeconds
        // In a task of its own: this one is cancelled.
        return await Task.detached { [book] in
            while clock.now() < end, let book, !book.open(of: id, where: { $0.ticket != nil }).isEmpty {
                try? await Task.sleep(for: .milliseconds(20))
            }
            return book?.ends(of: id) ?? []
        }.value
    }

    /// Takes up what an earlier process left under way, everywhere at once.
    package func recover() async -> [VideoRequest.ID: Result<VideoResult, ProviderError>] {
        await withTaskGroup(of: [VideoRequest.ID: Result<VideoResult, ProviderError>].self) { group in
            for provider in ordering { group.addTask { await provider.resumed() } }
            var all: [VideoRequest.ID: Result<VideoResult, ProviderError>] = [:]
            for await found in group { all.merge(found) { $1 } }
            return all
        }
    }
}

extension RouterConfiguration {
    /// What a clip may cost its owner holds for every tier.
    var policyWithLimits: RoutingPolicy {
        guard let limit = limits.dollarsPerClip else { return policy }
        var policy = policy
        for quality in Quality.allCases {
            var cap = policy.caps[quality] ?? RoutingCap()
            cap.maxCostDollars = min(cap.maxCostDollars ?? .infinity, limit)
            policy.caps[quality] = cap
        }
        return policy
    }
}

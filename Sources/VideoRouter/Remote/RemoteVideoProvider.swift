import Crypto
import HTTPClient
import Media
import StrictJSON
import Synchronization
public import VideoTypes

/// Any server that speaks OpenAI's video API: OpenAI's form, SGLang, vLLM-Omni, LiteLLM, and `wan-infer serve`.
public final class RemoteVideoProvider: VideoProvider {
    public let name: String
    let options: RemoteProviderOptions
    let server: RemoteServer
    let flights = FlightBoard<String>()
    private let knowledge = Mutex(Knowledge())

    struct Knowledge {
        /// nil until the server was asked.
        var isOurs: Bool?
        var limits: ProviderCapabilities.Limits?
    }

    /// Remembers its orders for as long as this process lives.
    public convenience init(_ options: RemoteProviderOptions) throws(RouterError) {
        try self.init(options, book: OrderBook())
    }

    /// Reads the key and makes the folder where it is missing; asks the server nothing yet.
    ///
    /// - Parameter book: where each order is written before it is placed; `recover` takes up what it has open.
    public convenience init(_ options: RemoteProviderOptions, book: OrderBook) throws(RouterError) {
        try self.init(options, book: book, pollSeconds: nil)
    }

    package init(_ options: RemoteProviderOptions, book: OrderBook, pollSeconds: Double?) throws(RouterError) {
        guard !options.name.isEmpty else { throw RouterError(.configuration, "a provider needs a name") }
        name = options.name
        self.options = options
        server = try RemoteServer(options, book: book, pollSeconds: pollSeconds)
        do throws(ProviderError) {
            try server.desk.folder.check()
        } catch {
            throw RouterError(.configuration, "\(name): \(error.message)")
        }
    }

    func know<Value>(_ body: (inout sending Knowledge) -> sending Value) -> sending Value { knowledge.withLock(body) }

    // MARK: VideoProvider

    public func capabilities(for request: VideoRequest) async throws(ProviderError) -> ProviderCapabilities {
        guard try await isOurs() else { return standing(request) }
        let form = RemoteForm(request, options, limits: options.limits, isOurs: true)
        guard let answer = try await server.capabilities(form.query) else {
            throw .server("the server has no capabilities any more")
        }
        guard !answer.isSuccess else {
            guard let said = RemoteCapabilities(answer.body, options.limits) else {
                throw .server("the server's capabilities cannot be read")
            }
            know { $0.limits = said.limits }
            return live(said, request)
        }
        // What the fields of the clip are refused for is the clip's affair; all else the server's.
        let error = RemoteRefusal(answer, key: desk.key).providerError
        guard case .badRequest(let text, let parameter) = error else { throw error }
        var refused = standing(request)
        refused.obstacles = [ProviderCapabilities.Obstacle(text, parameter: parameter)]
        return refused
    }

    public func generate(
        _ request: VideoRequest, progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(ProviderError) -> VideoResult {
        try await ordered(request, progress: progress)
    }

    public func healthCheck() async -> ProviderHealth {
        do throws(ProviderError) {
            let ready = try await server.ready()
            if ready.status == 503 { return .unavailable(Self.reasons(ready)) }
            // Who is ready may still have its API at another address than this one.
            if ready.isSuccess, know({ $0.isOurs == true }) { return .ready }
            let models = try await server.models()
            if models.isSuccess { return .ready }
            let refusal = desk.cloud.refusal(CloudAnswer(models))
            return .unavailable([refusal?.message ?? "the server does not list its models"])
        } catch {
            return .unavailable([error.message])
        }
    }

    /// Stops the clip at the server, too; that call is not waited for.
    public func cancel(_ id: VideoRequest.ID) async {
        flights.abandon(id)
    }

    public func spentDollars(on id: VideoRequest.ID) async -> Double? { desk.book.dollars(name, id) }

    public func hasOpenOrder(of id: VideoRequest.ID) async -> Bool { isCharged && isOpen(id) }

    public func hasClip(of id: VideoRequest.ID) async -> Bool { desk.book.hasClip(of: id, at: name) }

    /// Takes up every order that an earlier process left open: finds it, watches it, fetches its clip.
    public func recover() async -> [VideoRequest.ID: Result<VideoResult, ProviderError>] { await resumed() }

    private static func reasons(_ answer: HTTPAnswer) -> [String] {
        let fields = (try? JSONValue(answer.body)).flatMap { try? JSONFields($0) }
        let reasons = (fields.flatMap { try? $0.strings("reasons") }) ?? []
        return reasons.isEmpty ? ["the server is not ready"] : reasons.prefix(8).map(\.printable)
    }

    // MARK: Capabilities

    /// Of our own server, as it said just now.
    private func live(_ said: RemoteCapabilities, _ request: VideoRequest) -> ProviderCapabilities {
        var obstacles = RemoteForm(request, options, limits: said.limits, isOurs: true).obstacles
        if !said.isReady { obstacles.append(.init("the server takes no work")) }
        if let refusal = said.refusal { obstacles.append(.init(refusal)) }
        let isPaid = isPaid(request)
        if !isPaid { obstacles += unaffordable(said.costDollars) }
        return ProviderCapabilities(
            provider: name, model: said.model ?? options.model ?? "default", limits: said.limits,
            qualities: said.qualities ?? options.qualities, obstacles: obstacles, estimate: said.estimate,
            marginalCostPerSecond: said.marginalCostPerSecond, amortisedCostPerSecond: said.amortisedCostPerSecond,
            costDollars: isPaid ? 0 : said.costDollars, isWarm: said.isWarm)
    }

    /// Of a server that tells nothing: what was configured.
    private func standing(_ request: VideoRequest) -> ProviderCapabilities {
        let form = RemoteForm(request, options, limits: options.limits, isOurs: false)
        let seconds = seconds(form)
        let half = max(options.latencyPerSecond, 0) * seconds
        let isPaid = isPaid(request)
        return ProviderCapabilities(
            provider: name, model: options.model ?? "default", limits: options.limits, qualities: options.qualities,
            obstacles: form.obstacles + (isPaid ? [] : unaffordable(price(form))),
            estimate: TimeEstimate(queueSeconds: 0, p50: half, p90: 2 * half),
            marginalCostPerSecond: options.dollarsPerSecond, amortisedCostPerSecond: options.dollarsPerSecond,
            costDollars: isPaid ? 0 : price(form), isWarm: true)
    }

    private func seconds(_ form: RemoteForm) -> Double {
        form.durationSeconds ?? options.durationsSeconds.min() ?? 4
    }

    /// Whether the clip of this very request is under way, or here: then it only has to be fetched.
    private func isPaid(_ request: VideoRequest) -> Bool {
        guard let known = desk.book.latest(name, request.id), known.isOpen || known.state == .done else {
            return false
        }
        return (try? OrderRecord.digest(request)) == known.digest
    }

    /// What the owner's limits for all orders together say of a price.
    private func unaffordable(_ dollars: Double) -> [ProviderCapabilities.Obstacle] {
        desk.book.refusal(dollars).map { [.init($0, parameter: Ranker.money)] } ?? []
    }

    private func price(_ form: RemoteForm) -> Double { options.dollarsPerSecond * seconds(form) }

    /// Whether the server is a wan-infer; asks it where that is not known yet.
    private func isOurs() async throws(ProviderError) -> Bool {
        if let known = know({ $0.isOurs }) { return known }
        let answer = try await server.capabilities("")
        let said = answer.flatMap { RemoteCapabilities($0.body, options.limits) }
        // A server that cannot say it now is asked again.
        if let answer, said == nil, !answer.isSuccess {
            let error = RemoteRefusal(answer, key: desk.key).providerError
            guard case .badRequest = error else { throw error }
        }
        know { known in
            known.isOurs = said != nil
            known.limits = said?.limits
        }
        return said != nil
    }

    /// The fields that this server is to be sent.
    private func form(_ request: VideoRequest) async throws(ProviderError) -> RemoteForm {
        let isOurs = try await isOurs()
        let limits = isOurs ? know { $0.limits } : nil
        return RemoteForm(request, options, limits: limits ?? options.limits, isOurs: isOurs)
    }
}

extension RemoteVideoProvider: OrderingProvider {
    var desk: CloudAccount { server.desk }
    /// A price of the owner's says that somebody else's money goes.
    var isCharged: Bool { options.dollarsPerSecond > 0 }
    var wire: String? { options.model }

    func purchase(_ request: VideoRequest, reference: String) async throws(ProviderError) -> Purchase {
        let form = try await form(request)
        if let obstacle = form.obstacles.first { throw .badRequest(obstacle.reason, parameter: obstacle.parameter) }
        let isOurs = know { $0.isOurs == true }
        var call = CloudCall(.post, "/videos", .form(form.parts))
        call.headers["Idempotency-Key"] = try orderKey(request.id)
        let quote: Double? = if isOurs { try await quoted(form) } else { price(form) }
        return Purchase(
            call: call, ticket: { ServerCloud.ticket($0, isOurs: isOurs) }, model: options.model ?? "default",
            seconds: Int(min(max(seconds(form), 0), 1e6).rounded(.up)),
            quotedDollars: quote, isRepeatable: isOurs)
    }

    /// What our own server asks for a clip.
    private func quoted(_ form: RemoteForm) async throws(ProviderError) -> Double? {
        guard let answer = try await server.capabilities(form.query), answer.isSuccess else { return nil }
        return RemoteCapabilities(answer.body, options.limits)?.costDollars
    }

    /// The same for one request at one model, whoever asks, until an order of it is over.
    private func orderKey(_ id: VideoRequest.ID) throws(ProviderError) -> String {
        let before = desk.book.endedCount(name, id)
        let words = [name, options.model ?? "", id] + (before == 0 ? [] : ["\(before)"])
        do throws(CryptoError) {
            return try "wan-" + SHA256.hex(Array(words.joined(separator: "\n").utf8))
        } catch {
            throw .local(error.videoError.message)
        }
    }

    /// The length of what came, where the server names no price of its own.
    func dollars(_ facts: ClipFacts) -> Double? {
        know { $0.isOurs == true } ? nil : options.dollarsPerSecond * facts.durationSeconds
    }

    func notes(_ record: OrderRecord) -> [String: JSONText] { [:] }
}

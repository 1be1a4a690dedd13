import Crypto
import Glibc
import HTTPClient
import StrictJSON
import Synchronization
public import VideoTypes

/// Any server that speaks OpenAI's video API: OpenAI's form, SGLang, vLLM-Omni, LiteLLM, and `wan-infer serve`.
public final class RemoteVideoProvider: VideoProvider {
    public let name: String
    let options: RemoteProviderOptions
    let server: RemoteServer
    let folder: ClipFolder
    /// By the requests without their limits.
    private let flights = FlightBoard<VideoRequest>()
    private let knowledge = Mutex(Knowledge())

    struct Knowledge {
        /// nil until the server was asked.
        var isOurs: Bool?
        var limits: ProviderCapabilities.Limits?
        var orders = RemoteOrders()
    }

    /// Reads the key and makes the folder where it is missing; asks the server nothing yet.
    public init(_ options: RemoteProviderOptions) throws(RouterError) {
        guard !options.name.isEmpty else { throw RouterError(.configuration, "a provider needs a name") }
        name = options.name
        self.options = options
        server = try RemoteServer(options)
        folder = ClipFolder(path: options.folder)
        do throws(ProviderError) {
            try folder.check()
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
        let error = RemoteRefusal(answer, key: server.key).providerError
        guard case .badRequest(let text, let parameter) = error else { throw error }
        var refused = standing(request)
        refused.obstacles = [ProviderCapabilities.Obstacle(text, parameter: parameter)]
        return refused
    }

    public func generate(
        _ request: VideoRequest, progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(ProviderError) -> VideoResult {
        try await flights.clip(of: request.id, request.withoutLimits, progress: progress) { [self] flight in
            await RemoteErrand(self, request, flight).run()
        }
    }

    public func healthCheck() async -> ProviderHealth {
        do throws(ProviderError) {
            let ready = try await server.ready()
            if ready.status == 503 { return .unavailable(Self.reasons(ready)) }
            // Who is ready may still have its API at another address than this one.
            if ready.isSuccess, know({ $0.isOurs == true }) { return .ready }
            let models = try await server.models()
            if models.isSuccess { return .ready }
            guard models.status != 404 else { return .unavailable([server.addressHint]) }
            return .unavailable([RemoteRefusal(models, key: server.key).providerError.message])
        } catch {
            return .unavailable([error.message])
        }
    }

    /// Stops the clip at the server, too; that call is not waited for.
    public func cancel(_ id: VideoRequest.ID) async {
        flights.abandon(id)
    }

    public func spentDollars(on id: VideoRequest.ID) async -> Double? { know { $0.orders.dollars(id) } }

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
        return ProviderCapabilities(
            provider: name, model: said.model ?? options.model ?? "default", limits: said.limits,
            qualities: said.qualities ?? options.qualities, obstacles: obstacles, estimate: said.estimate,
            marginalCostPerSecond: said.marginalCostPerSecond, amortisedCostPerSecond: said.amortisedCostPerSecond,
            costDollars: isPaid(request) ? 0 : said.costDollars, isWarm: said.isWarm)
    }

    /// Of a server that tells nothing: what was configured.
    private func standing(_ request: VideoRequest) -> ProviderCapabilities {
        let form = RemoteForm(request, options, limits: options.limits, isOurs: false)
        let seconds = seconds(form)
        let half = max(options.latencyPerSecond, 0) * seconds
        return ProviderCapabilities(
            provider: name, model: options.model ?? "default", limits: options.limits, qualities: options.qualities,
            obstacles: form.obstacles, estimate: TimeEstimate(queueSeconds: 0, p50: half, p90: 2 * half),
            marginalCostPerSecond: options.dollarsPerSecond, amortisedCostPerSecond: options.dollarsPerSecond,
            costDollars: isPaid(request) ? 0 : price(form), isWarm: true)
    }

    private func seconds(_ form: RemoteForm) -> Double {
        form.durationSeconds ?? options.durationsSeconds.min() ?? 4
    }

    private func isPaid(_ request: VideoRequest) -> Bool { know { $0.orders.isOpen(request) } }

    private func price(_ form: RemoteForm) -> Double { options.dollarsPerSecond * seconds(form) }

    /// What an order costs that was placed; nil where the server itself tells when it is done.
    func quote(_ form: RemoteForm) -> Double? { know { $0.isOurs == true } ? nil : price(form) }

    /// Whether the server is a wan-infer; asks it where that is not known yet.
    private func isOurs() async throws(ProviderError) -> Bool {
        if let known = know({ $0.isOurs }) { return known }
        let answer = try await server.capabilities("")
        let said = answer.flatMap { RemoteCapabilities($0.body, options.limits) }
        // A server that cannot say it now is asked again.
        if let answer, said == nil, !answer.isSuccess {
            let error = RemoteRefusal(answer, key: server.key).providerError
            guard case .badRequest = error else { throw error }
        }
        know { known in
            known.isOurs = said != nil
            known.limits = said?.limits
        }
        return said != nil
    }

    /// The fields that this server is to be sent.
    func form(_ request: VideoRequest) async throws(ProviderError) -> RemoteForm {
        let isOurs = try await isOurs()
        let limits = isOurs ? know { $0.limits } : nil
        return RemoteForm(request, options, limits: limits ?? options.limits, isOurs: isOurs)
    }
}

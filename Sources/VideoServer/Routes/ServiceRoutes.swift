import HTTPServer
import JobRunner
import JobStore
import Threads
import VideoProvider
import VideoRouter
import VideoTypes

/// What is said about the service itself.
struct ServiceRoutes: Sendable {
    let desk: VideoDesk
    let metrics: MetricBook
    let streams: Seats
    /// When the service began, which stands for when the model was made.
    let startedAt: Int

    func ready() -> HTTPResponse {
        let state = desk.runner.state
        var reasons: [String] = []
        if let refusal = state.refusal, !refusal.isOfTheQueue { reasons.append(refusal.message) }
        switch state.worker {
        case .warm, .cold: break
        case .starting, .restarting: reasons.append("the model is being opened")
        case .stopped: reasons.append("the worker is stopped")
        }
        guard reasons.isEmpty else {
            let refusal: JSONText = .object([
                ("status", "unavailable"), ("reasons", .array(reasons.map(JSONText.string))),
            ])
            var response = AnswerWriter.json(refusal, status: 503)
            response.headers.add("Retry-After", "5")
            return response
        }
        return AnswerWriter.json(.object([("status", "ready")]))
    }

    func metricsPage() -> HTTPResponse {
        let standings: [ProviderStanding]
        if case .router(let routed) = desk.maker {
            let router = routed.fleet.router
            standings = AwaitedValue.of { await router.knownStandings }
        } else {
            standings = []
        }
        let counts = desk.faults.value("counting jobs") { () throws(StoreError) in try desk.store.counts() }
        let text = metrics.text(
            desk.runner.state, model: desk.modelName, streams: streams.count, outputBytes: counts?.outputBytes ?? 0,
            pendingDeliveries: counts?.pendingDeliveries ?? 0, providers: standings)
        return AnswerWriter.bytes(Array(text.utf8), mediaType: "text/plain; version=0.0.4; charset=utf-8")
    }

    /// How providers stand, what was spent, and the last decisions: for the router's owner.
    func router() throws(APIError) -> HTTPResponse {
        guard case .router(let routed) = desk.maker else {
            throw APIError(404, "not_found", "this service has no router: it makes its clips itself")
        }
        let fleet = routed.fleet
        let overview = AwaitedValue.of { await fleet.overview() }
        guard case .object(let members) = overview.json else { throw .notFound }
        let decisions = fleet.log?.last(Self.shownDecisions) ?? []
        return AnswerWriter.json(.object(members + [("decisions", .array(decisions))]))
    }

    private static let shownDecisions = 50

    // MARK: Models

    func models() -> HTTPResponse {
        AnswerWriter.json(.object([("object", "list"), ("data", .array(all))]))
    }

    func model(_ name: String) throws(APIError) -> HTTPResponse {
        let known = all.first { if case .object(let members) = $0 { members.first?.1 == .string(name) } else { false } }
        guard let found = known ?? (desk.isCalled(name) ? all.first : nil) else {
            throw APIError(404, "model_not_found", "there is no model '\(name.clipped)' here", parameter: "model")
        }
        return AnswerWriter.json(found)
    }

    /// The one that is served; of a router its own choice, and each that can be asked for by name.
    private var all: [JSONText] {
        var names = [(desk.modelName, "wan-infer")]
        if case .router(let routed) = desk.maker {
            // Of an account its cloud, not where that is.
            names += routed.fleet.providers.map { ($0.name, String(($0.account ?? "wan-infer").prefix { $0 != " " })) }
        }
        return names.map { name, owner in
            .object([
                ("id", .string(name)), ("object", "model"), ("created", .integer(startedAt)),
                ("owned_by", .string(owner)), ("sample_prompt", .string(desk.samplePrompt)),
            ])
        }
    }

    /// The LoRAs that an order may name.
    func adapters() -> HTTPResponse {
        let data = desk.adapters.map { adapter in
            JSONText.object([
                ("id", .string(adapter.name)), ("object", "lora"), ("bytes", .integer(adapter.bytes)),
            ])
        }
        return AnswerWriter.json(.object([("object", "list"), ("data", .array(data))]))
    }

    // MARK: Capabilities

    /// What the service can do now, and what a clip of the query's parameters would take.
    func capabilities(_ request: HTTPRequest, owner: String?) throws(APIError) -> HTTPResponse {
        var tree = FieldTree()
        for (name, value) in request.query { try tree.add(name, .text(value)) }
        var fields = tree.fields
        if fields["prompt"] == nil { fields["prompt"] = .text(desk.samplePrompt) }
        let wanted = try CreateRequest(fields)
        let state = desk.runner.state
        let limits = desk.limits
        let quote = try desk.quote(wanted, owner: owner, isForecast: true)
        let admission = try desk.admission(quote, priority: wanted.priority, owner: owner)
        return AnswerWriter.json(
            .object(
                [
                    ("provider", QuoteText.provider(quote)), ("model", .string(desk.modelName)),
                    ("limits", Self.json(limits)),
                    ("qualities", .array(Quality.allCases.map { .string($0.rawValue) })),
                    ("is_warm", .bool(state.worker == .warm)), ("is_ready", .bool(state.refusal?.isOfTheQueue ?? true)),
                    ("queue_depth", .integer(state.queued)),
                    ("clip", .object(QuoteText.fields(quote, admission))),
                ] + prices(quote)))
    }

    private func prices(_ quote: Quote) -> [(String, JSONText)] {
        guard case .planned(let planned) = quote.work else { return [] }
        let second = planned.plan.settings.clip.durationSeconds
        return [
            ("marginal_cost_per_second", .number(planned.cost.marginalDollars / second)),
            ("amortised_cost_per_second", .number(planned.cost.amortisedDollars / second)),
            ("dollars_per_gpu_hour", .number(desk.economics.gpuDollarsPerHour)),
        ]
    }

    private static func json(_ limits: ProviderCapabilities.Limits) -> JSONText {
        .object([
            ("max_duration_seconds", .number(limits.maxDurationSeconds)), ("max_pixels", .integer(limits.maxPixels)),
            ("size_step", .integer(limits.sizeStep)), ("frame_step", .integer(limits.frameStep)),
            ("max_prompt_bytes", .integer(CreateRequest.Limits.promptBytes)), ("makes_audio", .bool(limits.makesAudio)),
            ("max_reference_images", .integer(limits.maxReferenceImages)),
        ])
    }
}

/// A quote in the API's words.
enum QuoteText {
    /// Who would make the clip; null where nobody can now.
    static func provider(_ quote: Quote) -> JSONText {
        guard case .routed(let routed) = quote.work else { return "local" }
        return routed.best.map { .string($0.provider) } ?? .null
    }

    static func fields(_ quote: Quote, _ admission: Admission) -> [(String, JSONText)] {
        let refusal: Refusal? = if case .refuse(let refusal) = admission { refusal } else { nil }
        switch quote.work {
        case .planned(let planned): return fields(planned, quote.estimate, refusal)
        case .routed(let routed): return RoutedText.fields(routed, refusal)
        }
    }

    private static func fields(
        _ quote: Quote.Planned, _ estimate: TimeEstimate?, _ refusal: Refusal?
    ) -> [(String, JSONText)] {
        let settings = quote.plan.settings
        return [
            ("size", .string("\(ClipSize(width: settings.clip.width, height: settings.clip.height))")),
            ("seconds", .string(VideoObject.seconds(settings.clip.durationSeconds))),
        ] + VideoObject.fields(of: settings) + [
            ("queue_seconds", estimate.map { VideoObject.rounded($0.queueSeconds) } ?? .null),
            ("eta_seconds", estimate.map { VideoObject.rounded($0.p50) } ?? .null),
            ("eta_seconds_p50", estimate.map { VideoObject.rounded($0.p50) } ?? .null),
            ("eta_seconds_p90", estimate.map { VideoObject.rounded($0.p90) } ?? .null),
            ("stage_seconds", VideoObject.stages(quote.time.stageSeconds)),
            ("tokens", .integer(quote.plan.work.tokens)),
            ("flops", .number(quote.plan.work.flops.values.reduce(0, +))),
            ("peak_bytes", .integer(quote.plan.work.peakBytes.values.max() ?? 0)),
            ("cost_dollars", .number(quote.cost.marginalDollars)),
            ("cost_dollars_amortised", .number(quote.cost.amortisedDollars)),
            ("would_be_accepted", .bool(refusal == nil)),
            ("refusal", refusal.map { .string($0.message) } ?? .null),
        ]
    }
}

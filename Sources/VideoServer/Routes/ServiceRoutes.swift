import HTTPServer
import JobRunner
import JobStore
import VideoProvider
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
        let counts = desk.faults.value("counting jobs") { () throws(StoreError) in try desk.store.counts() }
        let text = metrics.text(
            desk.runner.state, model: desk.modelName, streams: streams.count, outputBytes: counts?.outputBytes ?? 0,
            pendingDeliveries: counts?.pendingDeliveries ?? 0)
        return AnswerWriter.bytes(Array(text.utf8), mediaType: "text/plain; version=0.0.4; charset=utf-8")
    }

    // MARK: Models

    func models() -> HTTPResponse {
        AnswerWriter.json(.object([("object", "list"), ("data", .array([model]))]))
    }

    func model(_ name: String) throws(APIError) -> HTTPResponse {
        guard desk.isCalled(name) else {
            throw APIError(404, "model_not_found", "there is no model '\(name.clipped)' here", parameter: "model")
        }
        return AnswerWriter.json(model)
    }

    private var model: JSONText {
        .object([
            ("id", .string(desk.modelName)), ("object", "model"), ("created", .integer(startedAt)),
            ("owned_by", "wan-infer"), ("sample_prompt", .string(desk.samplePrompt)),
        ])
    }

    /// The LoRAs that an order may name.
    func adapters() -> HTTPResponse {
        let data = desk.planner.adapters.map { adapter in
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
        let economics = desk.economics
        let second = quote.plan.settings.clip.durationSeconds
        return AnswerWriter.json(
            .object([
                ("provider", "local"), ("model", .string(desk.modelName)),
                ("limits", Self.json(limits)),
                ("qualities", .array(Quality.allCases.map { .string($0.rawValue) })),
                ("is_warm", .bool(state.worker == .warm)), ("is_ready", .bool(state.refusal?.isOfTheQueue ?? true)),
                ("queue_depth", .integer(state.queued)),
                ("clip", .object(QuoteText.fields(quote, admission))),
                ("marginal_cost_per_second", .number(quote.cost.marginalDollars / second)),
                ("amortised_cost_per_second", .number(quote.cost.amortisedDollars / second)),
                ("dollars_per_gpu_hour", .number(economics.gpuDollarsPerHour)),
            ]))
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
    static func fields(_ quote: VideoDesk.Quote, _ admission: Admission) -> [(String, JSONText)] {
        let settings = quote.plan.settings
        let refusal: Refusal? = if case .refuse(let refusal) = admission { refusal } else { nil }
        return [
            ("size", .string("\(ClipSize(width: settings.clip.width, height: settings.clip.height))")),
            ("seconds", .string(VideoObject.seconds(settings))),
        ] + VideoObject.fields(of: settings) + [
            ("queue_seconds", VideoObject.rounded(quote.estimate.queueSeconds)),
            ("eta_seconds", VideoObject.rounded(quote.estimate.p50)),
            ("eta_seconds_p50", VideoObject.rounded(quote.estimate.p50)),
            ("eta_seconds_p90", VideoObject.rounded(quote.estimate.p90)),
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

import Crypto
import StrictJSON
import VideoTypes

/// One line of the decision log.
struct DecisionRecord {
    private let route: Route
    private let result: Result<RoutingOutcome, RouterError>
    private let elapsed: Double
    private let time: Double

    init(_ route: Route, _ result: Result<RoutingOutcome, RouterError>, elapsed: Double, at time: Double) {
        self.route = route
        self.result = result
        self.elapsed = elapsed
        self.time = time
    }

    /// Of the format; readers refuse others.
    static let version = 1

    var json: JSONText {
        .object([
            ("version", .integer(Self.version)), ("time", .number(time)), ("id", .string(route.request.id)),
            ("prompt_sha256", promptDigest), ("request", route.features.json), ("options", route.options.json),
            ("spent_before_dollars", .number(route.money.before)),
            ("surveys", .array(route.firstSurveys.map { $0.json(at: route.firstSurveyAt) })),
            ("providers", .array(route.findings.map(\.json))), ("in_panic", .bool(route.ranking.isPanic)),
            ("attempts", .array(route.attempts.map(\.json))), ("outcome", outcome),
            ("spent_dollars", .number(route.money.total)), ("elapsed_seconds", .number(elapsed)),
        ])
    }

    private var promptDigest: JSONText {
        (try? SHA256.hex(Array(route.request.prompt.utf8))).map(JSONText.string) ?? .null
    }

    private var outcome: JSONText {
        switch result {
        case .success(.done(let clip)): Self.made(clip, "done")
        case .success(.empty(let clip, _)): Self.made(clip, "empty")
        case .success(.promised(let promise)):
            .object([
                ("kind", "promised"), ("provider", .string(promise.provider)),
                ("p50_seconds", promise.estimate.map { .number($0.p50) } ?? .null),
                ("p90_seconds", promise.estimate.map { .number($0.p90) } ?? .null),
                ("expires_at", .number(promise.expiresAt)),
            ])
        case .failure(let error):
            .object([("kind", "failed"), ("code", .string(error.code.rawValue))])
        }
    }

    private static func made(_ clip: VideoResult, _ kind: JSONText) -> JSONText {
        .object([
            ("kind", kind), ("provider", .string(clip.provider)), ("model", .string(clip.model)),
            ("cost_dollars", .number(clip.costDollars)), ("duration_seconds", .number(clip.durationSeconds)),
            ("frames", .integer(clip.frames)), ("width", .integer(clip.width)), ("height", .integer(clip.height)),
            ("quality", clip.metadata["quality"] ?? .null), ("score", clip.metadata["score"] ?? .null),
        ])
    }
}

extension RequestFeatures {
    var json: JSONText {
        .object([
            ("prompt_bytes", .integer(promptBytes)), ("quality", .string(quality.rawValue)),
            ("wants_audio", .bool(wantsAudio)), ("reference_images", .integer(referenceImages)),
            ("duration_seconds", durationSeconds.map(JSONText.number) ?? .null),
            ("is_least_duration", .bool(isLeastDuration)),
            ("resolution", resolution.map { .integer($0.shorterSide) } ?? .null),
            ("aspect_ratio", aspectRatio.map { .string($0.description) } ?? .null),
            ("width", width.map(JSONText.integer) ?? .null), ("height", height.map(JSONText.integer) ?? .null),
            ("frames", frames.map(JSONText.integer) ?? .null), ("fps", framesPerSecond.map(JSONText.integer) ?? .null),
            ("steps", steps.map(JSONText.integer) ?? .null), ("has_seed", .bool(hasSeed)),
            ("max_cost_dollars", maxCostDollars.map(JSONText.number) ?? .null),
            ("max_latency_seconds", maxLatencySeconds.map(JSONText.number) ?? .null),
            ("preferred", .array(preferred.sorted().map(JSONText.string))),
        ])
    }
}

extension RoutingOptions {
    var json: JSONText {
        .object([
            ("provider", provider.map(JSONText.string) ?? .null), ("model", model.map(JSONText.string) ?? .null),
            ("allows_promise", .bool(allowsPromise)),
        ])
    }
}

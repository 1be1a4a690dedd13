import JobRunner
import JobStore
import VideoProvider
import VideoTypes

/// A job as the API shows it: the fields of OpenAI's Video, then ours.
struct VideoObject {
    let job: Job
    /// 0 to 100.
    let percent: Int
    /// nil for finished jobs.
    let place: QueuePlace?
    /// The model that is served.
    let model: String
    let economics: Economics

    var json: JSONText { .object(standardFields + settingsFields + progressFields + resultFields) }

    /// nil of a job for a router: it is not settled here how the clip is made.
    private var settings: VideoSettings? { job.report?.settings ?? job.order.plan?.settings }

    private var shape: [(String, JSONText)] {
        if let order = job.order.routed { return RoutedText.shape(job, order) }
        guard let settings else { return [] }
        return [
            ("size", .string("\(ClipSize(width: settings.clip.width, height: settings.clip.height))")),
            ("seconds", .string(Self.seconds(settings.clip.durationSeconds))),
        ]
    }

    private var standardFields: [(String, JSONText)] {
        [
            ("id", .string(job.id.description)), ("object", "video"),
            ("model", .string(job.report?.model ?? job.routedClip?.model ?? job.order.routed?.model ?? model)),
            ("status", .string(job.state.rawValue)),
            ("progress", .integer(percent)),
            ("created_at", .integer(job.createdAt)),
            ("completed_at", job.state == .completed ? Self.optional(job.finishedAt) : .null),
            ("expires_at", Self.optional(job.expiresAt)),
        ] + shape + [
            ("prompt", .string(settings?.prompts.positive ?? job.order.routed?.request.prompt ?? "")),
            ("remixed_from_video_id", job.order.remixedFrom.map { .string($0.description) } ?? .null),
            ("error", FailureText.json(of: job)),
        ]
    }

    private var settingsFields: [(String, JSONText)] {
        if let order = job.order.routed { return RoutedText.settings(job, order) }
        return settings.map(Self.fields) ?? []
    }

    /// The parameters as they were used, under the names by which they are given.
    static func fields(of settings: VideoSettings) -> [(String, JSONText)] {
        shown.compactMap { term in
            guard let field = RequestField[term], let name = field.parameter?.name else { return nil }
            return field.setting.map { (name, $0(settings)) }
        } + settings.jsonFields.filter { $0.0 == "loras" }
    }

    private static let shown = [
        Term.negativePrompt, .seed, .frames, .framesPerSecond, .steps, .guidanceScale, .guidanceScale2,
        .guidanceSchedule, .flowShift, .attention, .tilesVAE,
    ]

    private var progressFields: [(String, JSONText)] {
        let step = job.state == .inProgress ? job.progress : nil
        return [
            ("priority", .integer(job.order.priority)),
            ("metadata", .object(job.order.metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
            ("request_hash", .string(job.order.requestHash)),
            ("attempt", .integer(job.attempt)),
            ("started_at", Self.optional(job.startedAt)),
            ("finished_at", Self.optional(job.finishedAt)),
            ("queue_position", place.map { .integer($0.position) } ?? .null),
            ("eta_seconds", place.map { Self.rounded($0.estimate.p50) } ?? .null),
            ("eta_seconds_p50", place.map { Self.rounded($0.estimate.p50) } ?? .null),
            ("eta_seconds_p90", place.map { Self.rounded($0.estimate.p90) } ?? .null),
            ("stage", step.map { .string($0.stage.rawValue) } ?? .null),
            ("step", step.map { .integer($0.completed) } ?? .null),
            ("steps_total", step.map { .integer($0.total) } ?? .null),
        ]
    }

    private var resultFields: [(String, JSONText)] {
        let file: [(String, JSONText)] = [
            ("expired", .bool(job.isFileGone)), ("bytes", job.output.map { .integer($0.byteCount) } ?? .null),
            ("sha256", job.output.map { .string($0.sha256) } ?? .null),
        ]
        if let order = job.order.routed { return RoutedText.result(job, order) + file }
        let cost = job.report.map { economics.cost(of: $0) }
        return [
            ("provider", "local"),
            ("cost_dollars", cost.map { .number($0.marginalDollars) } ?? .null),
            ("cost_dollars_amortised", cost.map { .number($0.amortisedDollars) } ?? .null),
            ("energy_joules", cost.map { .number($0.joules) } ?? .null),
            ("energy_is_estimated", cost.map { .bool($0.isEstimated) } ?? .null),
            ("gpu_seconds", job.report.map { .number(Self.deviceSeconds($0)) } ?? .null),
            ("stage_seconds", job.report.map { Self.stages($0.stageSeconds) } ?? .null),
        ] + file
    }

    /// What a GPU was busy; nothing where the processor did the work.
    static func deviceSeconds(_ report: ClipReport) -> Double { report.backend == "cpu" ? 0 : report.totalSeconds }

    static func stages(_ seconds: [VideoProgress.Stage: Double]) -> JSONText {
        .object(
            VideoProgress.Stage.allCases.compactMap { stage in seconds[stage].map { (stage.rawValue, rounded($0)) } })
    }

    private static func optional(_ value: Int?) -> JSONText { value.map(JSONText.integer) ?? .null }

    /// To the millisecond.
    static func rounded(_ seconds: Double) -> JSONText { .number((seconds * 1000).rounded() / 1000) }

    /// "4", "1.063".
    static func seconds(_ seconds: Double) -> String {
        let thousandths = (seconds * 1000).rounded()
        guard thousandths.truncatingRemainder(dividingBy: 1000) != 0 else { return "\(Int(thousandths / 1000))" }
        return "\(thousandths / 1000)"
    }
}

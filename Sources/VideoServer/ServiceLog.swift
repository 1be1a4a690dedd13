import Crypto
import HTTPClient
import JobStore
import VideoTypes

/// The log: one JSON object a line, prompts as digests, keys never.
struct ServiceLog: Sendable {
    let isVerbose: Bool
    let write: @Sendable (String) -> Void
    let now: @Sendable () -> Int

    func request(_ fields: [(String, JSONText)]) {
        guard isVerbose else { return }
        line([("at", .integer(now())), ("event", "request")] + fields)
    }

    /// One that failed is written down whoever listens: nobody else may ever ask for it.
    func job(_ job: Job) {
        let isFailure = job.state == .failed && job.error?.code != .cancelled
        guard isVerbose || isFailure else { return }
        let prompt = job.order.plan?.settings.prompts.positive ?? job.order.routed?.request.prompt ?? ""
        line(
            [
                ("at", .integer(now())), ("event", "job"), ("video", .string(job.id.description)),
                ("key", job.owner.map(JSONText.string) ?? .null), ("state", .string(job.state.rawValue)),
                ("attempt", .integer(job.attempt)),
                ("code", job.error.map { .string($0.code.name) } ?? .null),
                ("message", job.error.map { .string($0.message) } ?? .null),
                ("prompt_sha256", (try? SHA256.hex(Array(prompt.utf8))).map(JSONText.string) ?? .null),
            ] + Self.settings(job) + [
                ("request_hash", .string(job.order.requestHash)),
                ("seconds", job.report.map { VideoObject.rounded($0.totalSeconds) } ?? .null),
                ("stage_seconds", job.report.map { VideoObject.stages($0.stageSeconds) } ?? .null),
                ("bytes", job.output.map { .integer($0.byteCount) } ?? .null),
            ])
    }

    private static func settings(_ job: Job) -> [(String, JSONText)] {
        guard let settings = job.order.plan?.settings else {
            let clip = job.routedClip
            return [
                ("provider", clip.map { .string($0.provider) } ?? .null),
                ("model", clip.map { .string($0.model) } ?? .null),
                ("cost_dollars", clip?.knownCostDollars.map(JSONText.number) ?? .null),
                ("trace", job.order.routed?.request.traceParent.map(JSONText.string) ?? .null),
            ]
        }
        return [
            ("size", .string("\(ClipSize(width: settings.clip.width, height: settings.clip.height))")),
            ("num_frames", .integer(settings.clip.frames)), ("num_inference_steps", .integer(settings.sampling.steps)),
            ("seed", .unsigned(settings.sampling.seed)),
        ]
    }

    /// A request that could not be answered for a reason of our own.
    func failure(_ fields: [(String, JSONText)]) { line([("at", .integer(now())), ("event", "failure")] + fields) }

    /// Something that was to be done without anybody's asking, and was not.
    func fault(_ what: String, _ cause: String) {
        line([("at", .integer(now())), ("event", "fault"), ("what", .string(what)), ("cause", .string(cause))])
    }

    /// Every try that failed, and where all is wanted the one that did not; of the address the host alone, for the rest
    /// may hold a secret.
    func webhook(_ delivery: WebhookDelivery, failure: String?, nextSeconds: Int?) {
        guard failure != nil || isVerbose else { return }
        let host = (try? WebAddress(delivery.url))?.authority
        line([
            ("at", .integer(now())), ("event", "webhook"), ("video", .string(delivery.job.description)),
            ("host", host.map(JSONText.string) ?? .null), ("try", .integer(delivery.tries + 1)),
            ("failure", failure.map(JSONText.string) ?? .null),
            ("next_try_seconds", nextSeconds.map(JSONText.integer) ?? .null),
        ])
    }

    private func line(_ fields: [(String, JSONText)]) { write(JSONText.object(fields).description) }
}

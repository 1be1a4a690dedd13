import JobRunner
import JobStore
import VideoRouter
import VideoTypes

/// What clients hear of a router: who makes a clip and for how much, never where anybody is.
enum RoutedText {
    /// Of what lies in the request: the rest is the owner's affair.
    private static let told: Set<RoutingObstacle.Kind> = [.limits, .excluded, .budget, .deadline, .contentPolicy]

    /// A line for each provider that cannot serve a request.
    static func reasons(_ findings: [ProviderFinding]) -> [String] {
        findings.compactMap { finding in
            let texts = finding.obstacles.filter { told.contains($0.kind) }.map { obstacle in
                obstacle.parameter.map { "\(parameter($0)): \(obstacle.reason)" } ?? obstacle.reason
            }
            return texts.isEmpty ? nil : "\(finding.provider): \(texts.joined(separator: "; "))"
        }
    }

    /// What the API calls what the router calls `name`.
    static func parameter(_ name: String) -> String {
        var words = name.split(separator: "_").map(String.init)
        for place in words.indices.dropFirst() {
            words[place] = words[place].prefix(1).uppercased() + words[place].dropFirst()
        }
        return Parameter(name)?.name ?? Term(rawValue: words.joined()).flatMap { Parameter($0) }?.name ?? name
    }

    static func json(_ finding: ProviderFinding) -> JSONText {
        .object([
            ("provider", .string(finding.provider)), ("model", finding.model.map(JSONText.string) ?? .null),
            ("rank", finding.rank.map(JSONText.integer) ?? .null),
            ("cost_dollars", finding.costDollars.map(JSONText.number) ?? .null),
            ("p50_seconds", finding.estimate.map { VideoObject.rounded($0.p50) } ?? .null),
            ("p90_seconds", finding.estimate.map { VideoObject.rounded($0.p90) } ?? .null),
            (
                "reasons",
                .array(finding.obstacles.map { .string(told.contains($0.kind) ? $0.reason : $0.kind.rawValue) })
            ), ("remarks", .array(finding.remarks.map(JSONText.string))),
        ])
    }

    /// A quote in the API's words.
    static func fields(_ routed: Quote.Routed, _ refusal: Refusal?) -> [(String, JSONText)] {
        let best = routed.best
        return [
            ("queue_seconds", best?.estimate.map { VideoObject.rounded($0.queueSeconds) } ?? .null),
            ("eta_seconds", best?.estimate.map { VideoObject.rounded($0.p50) } ?? .null),
            ("eta_seconds_p50", best?.estimate.map { VideoObject.rounded($0.p50) } ?? .null),
            ("eta_seconds_p90", best?.estimate.map { VideoObject.rounded($0.p90) } ?? .null),
            ("cost_dollars", best?.costDollars.map(JSONText.number) ?? .null),
            ("would_be_accepted", .bool(refusal == nil && RouterError.lasting(routed.findings) == nil)),
            (
                "refusal",
                refusal.map { .string($0.message) } ?? RouterError.lasting(routed.findings).map { .string($0.message) }
                    ?? .null
            ), ("providers", .array(routed.findings.map(json))),
        ]
    }

    // MARK: A job

    /// The shape and the settings of a clip, as far as they were asked for or are known.
    static func shape(_ job: Job, _ order: RoutedOrder) -> [(String, JSONText)] {
        let (request, clip) = (order.request, job.routedClip)
        var size: JSONText = .null
        if let clip {
            size = .string("\(ClipSize(width: clip.width, height: clip.height))")
        } else if let width = request.width, let height = request.height {
            size = .string("\(ClipSize(width: width, height: height))")
        }
        var asked = request.durationSeconds
        if let frames = request.frames, let rate = request.framesPerSecond { asked = Double(frames) / Double(rate) }
        let seconds = clip?.durationSeconds ?? asked
        return [("size", size), ("seconds", seconds.map { .string(VideoObject.seconds($0)) } ?? .null)]
    }

    static func settings(_ job: Job, _ order: RoutedOrder) -> [(String, JSONText)] {
        let (request, clip) = (order.request, job.routedClip)
        var rate = request.framesPerSecond
        if let clip, clip.durationSeconds > 0 { rate = Int((Double(clip.frames) / clip.durationSeconds).rounded()) }
        return [
            ("negative_prompt", request.negativePrompt.map(JSONText.string) ?? .null),
            ("seed", request.seed.map(JSONText.unsigned) ?? .null),
            ("num_frames", (clip?.frames ?? request.frames).map(JSONText.integer) ?? .null),
            ("fps", rate.map(JSONText.integer) ?? .null), ("quality", .string(request.quality.rawValue)),
            ("generate_sound", .bool(clip?.hasAudio ?? request.wantsAudio)),
        ]
    }

    /// Who made it, for how much, and who was tried before.
    static func result(_ job: Job, _ order: RoutedOrder) -> [(String, JSONText)] {
        let clip = job.routedClip
        let routing = Members(clip?.metadata["routing"])
        return [
            ("provider", (clip?.provider ?? order.provider).map(JSONText.string) ?? .null),
            ("cost_dollars", clip?.knownCostDollars.map(JSONText.number) ?? .null),
            ("quoted_dollars", clip?.metadata["quoted_dollars"] ?? order.quotedDollars.map(JSONText.number) ?? .null),
            ("spent_dollars", routing["spent_dollars"] ?? .null),
            (
                "attempts",
                .array(
                    routing.list("attempts").map { attempt in
                        let members = Members(attempt)
                        return .object(
                            ["provider", "model", "outcome", "seconds", "cost_dollars"].map {
                                ($0, members[$0] ?? .null)
                            })
                    })
            ),
            ("continues_by", clip?.metadata["continues_by"] ?? .null),
            ("quality_note", clip?.metadata["empty"] ?? .null),
        ]
    }

    /// The members of an object; none of anything else.
    private struct Members {
        private let members: [(String, JSONText)]

        init(_ value: JSONText?) { if case .object(let found) = value { members = found } else { members = [] } }

        subscript(_ name: String) -> JSONText? { members.first { $0.0 == name }?.1 }

        func list(_ name: String) -> [JSONText] { if case .array(let all) = self[name] { all } else { [] } }
    }
}

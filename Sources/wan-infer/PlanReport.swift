import Pipelines
import VideoProvider
import VideoTypes

/// What is said about a clip that is not made yet.
struct PlanReport {
    private let plan: ClipPlan
    private let facts: EngineFacts
    private let economics: Economics
    private let apiDollarsPerSecond: Double?
    private let time: ClipTime
    /// Clips that the time was learned from.
    private let samples: Int
    private let cost: ClipCost
    private let breakEven: BreakEven?
    private let isOfPublishedNumbers: Bool
    private let residency: ResidencyReport

    /// - Parameters:
    ///   - residency: which weights are in memory when.
    ///   - time: of the engine, which has not loaded its model yet.
    ///   - isOfPublishedNumbers: whether there is no folder with weights here.
    init(
        plan: ClipPlan, facts: EngineFacts, residency: ResidencyPlan, time: TimeModel, economics: Economics,
        apiDollarsPerSecond: Double?, isOfPublishedNumbers: Bool = false
    ) {
        self.isOfPublishedNumbers = isOfPublishedNumbers
        self.plan = plan
        self.facts = facts
        self.economics = economics
        self.apiDollarsPerSecond = apiDollarsPerSecond
        self.time = time.estimate(plan.work, isCold: true)
        samples = time.samples
        self.residency = ResidencyReport(residency: residency, time: self.time)
        // A machine that stays makes clip after clip: what one more costs is without the loading.
        let busy = time.estimate(plan.work, isCold: false).p50
        let cost = economics.cost(seconds: busy, joules: nil, backend: facts.backend)
        self.cost = cost
        let video = plan.settings.clip.durationSeconds
        breakEven = apiDollarsPerSecond.map {
            BreakEven(economics, clip: cost, computeSeconds: busy, videoSeconds: video, apiDollarsPerSecond: $0)
        }
    }

    /// For people.
    var text: String {
        let shape = plan.settings.clip
        let clip =
            "\(shape.frames) frames of \(shape.width) x \(shape.height) at \(shape.framesPerSecond)/s, "
            + "\(Numbers.fixed(shape.durationSeconds, 2)) s, \(plan.settings.sampling.steps) steps"
        let work =
            "\(plan.work.tokens) tokens in \(plan.work.passes) passes, "
            + "\(Numbers.fixed(Double(plan.work.decodedPixels) / 1e6, 1)) M pixels to decode"
        let source =
            samples > 0 ? "learned from \(samples) clip\(samples == 1 ? "" : "s")" : "assumed: no clip has been timed"
        let head = [("clip", clip), ("model", "\(facts.model), \(facts.backend) \(facts.dtype)")]
        let tail = [
            ("work", work),
            ("time", "\(Numbers.duration(time.p50)), nine of ten within \(Numbers.duration(time.p90)); \(source)"),
            ("memory", Numbers.bytes(plan.work.peakBytes.values.max() ?? 0) + " at its peak" + available),
            ("weights", residency.text),
        ]
        let stages = VideoProgress.Stage.allCases.map { stage in
            let flops = plan.work.flops[stage].map(Self.operations) ?? ""
            let seconds = Numbers.duration(time.stageSeconds[stage] ?? 0)
            let memory = plan.work.peakBytes[stage].map(Numbers.bytes) ?? ""
            return (stage.rawValue, Self.left(flops, 24) + Self.left(seconds, 12) + memory)
        }
        let basis = "the model's published numbers, weights in 16 bits, the longest prompt; no folder was read"
        let lines =
            head + ResultReport.rows(plan.settings.adapters) + tail + stages + [("cost", costText)]
            + (breakEven.map { [("API", apiText($0))] } ?? [])
            + (isOfPublishedNumbers ? [("basis", basis)] : [])
        return lines.map { Self.left($0.0, 9) + $0.1 }.joined(separator: "\n")
    }

    /// For programs.
    var json: JSONText {
        let perSecond = cost.perSecond(of: plan.settings.clip.durationSeconds)
        let stages = VideoProgress.Stage.allCases.map { stage in
            let fields: [(String, JSONText)] = [
                ("flops", plan.work.flops[stage].map(JSONText.number) ?? .null),
                ("seconds", time.stageSeconds[stage].map(JSONText.number) ?? .null),
                ("peak_bytes", plan.work.peakBytes[stage].map(JSONText.integer) ?? .null),
            ]
            return (stage.rawValue, JSONText.object(fields))
        }
        let head: [(String, JSONText)] = [
            ("model", .string(facts.model)), ("backend", .string(facts.backend)), ("dtype", .string(facts.dtype)),
        ]
        return .object(
            head + plan.settings.jsonFields + [
                ("duration_seconds", .number(plan.settings.clip.durationSeconds)),
                ("tokens", .integer(plan.work.tokens)), ("passes", .integer(plan.work.passes)),
                ("decoded_pixels", .integer(plan.work.decodedPixels)),
                ("flops", .number(plan.work.flops.values.sorted().reduce(0, +))),
                ("peak_bytes", .integer(plan.work.peakBytes.values.max() ?? 0)),
                ("seconds_p50", .number(time.p50)), ("seconds_p90", .number(time.p90)),
                ("timed_clips", .integer(samples)), ("published_numbers", .bool(isOfPublishedNumbers)),
                ("stages", .object(stages)), ("residency", residency.json),
                ("marginal_dollars", .number(cost.marginalDollars)),
                ("amortised_dollars", .number(cost.amortisedDollars)),
                ("marginal_dollars_per_second", .number(perSecond.marginal)),
                ("amortised_dollars_per_second", .number(perSecond.amortised)),
                ("break_even", breakEven.map(json) ?? .null),
            ])
    }

    private func json(_ breakEven: BreakEven) -> JSONText {
        .object([
            ("api_dollars_per_second", apiDollarsPerSecond.map(JSONText.number) ?? .null),
            ("gpu_dollars_per_hour", .number(economics.gpuDollarsPerHour)),
            ("video_seconds_per_month", breakEven.videoSecondsPerMonth.map(JSONText.number) ?? .null),
            ("share_of_month", breakEven.utilisation.map(JSONText.number) ?? .null),
            ("most_video_seconds_per_month", .number(breakEven.mostVideoSecondsPerMonth)),
            ("reachable", .bool(breakEven.isReachable)),
        ])
    }

    private var available: String { facts.memoryBytes.map { ", \(facts.backend) has \(Numbers.bytes($0))" } ?? "" }

    private var costText: String {
        let perSecond = cost.perSecond(of: plan.settings.clip.durationSeconds)
        let marginal = "\(Self.dollars(cost.marginalDollars)) of electricity"
        guard economics.gpuDollarsPerHour > 0 else {
            return marginal + ", \(Self.dollars(perSecond.marginal)) for a second of video"
        }
        return "\(Self.dollars(cost.amortisedDollars)), of which \(marginal); "
            + "\(Self.dollars(perSecond.amortised)) for a second of video"
    }

    private func apiText(_ breakEven: BreakEven) -> String {
        let price = apiDollarsPerSecond ?? 0
        let start = "\(Self.dollars(price * plan.settings.clip.durationSeconds)) for the same clip; "
        guard let volume = breakEven.videoSecondsPerMonth, let share = breakEven.utilisation else {
            return start + "it never costs more than the electricity here"
        }
        guard volume > 0 else { return start + "it costs more from the first second on" }
        let need = "break-even at \(Numbers.fixed(volume, 0)) seconds of video a month"
        guard breakEven.isReachable else {
            return start + need + " is out of reach: that is \(Self.percent(share)) of a month's work, at most "
                + "\(Numbers.fixed(breakEven.mostVideoSecondsPerMonth, 0)) can be made"
        }
        return start + need + ", \(Self.percent(share)) of what this machine can make"
    }

    static func percent(_ share: Double) -> String {
        share < 0.0005 ? "less than 0.1 %" : Numbers.fixed(share * 100, share < 1 ? 1 : 0) + " %"
    }

    /// "0.0123 $": two digits that count where it is little.
    static func dollars(_ value: Double) -> String {
        guard value > 0, value < 1 else { return Numbers.fixed(value, 2) + " $" }
        var digits = 2
        var rest = value
        while rest < 0.1, digits < 9 {
            rest *= 10
            digits += 1
        }
        return Numbers.fixed(value, digits) + " $"
    }

    /// "1.24 T operations".
    static func operations(_ count: Double) -> String {
        let steps = [("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6)]
        let (unit, size) = steps.first { count >= $0.1 } ?? ("k", 1e3)
        return Numbers.fixed(count / size, 2) + " \(unit) operations"
    }

    private static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}

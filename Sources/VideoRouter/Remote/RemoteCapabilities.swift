import HTTPClient
import StrictJSON
import VideoTypes

/// What our own server says of itself and of one clip.
struct RemoteCapabilities {
    let model: String?
    let limits: ProviderCapabilities.Limits
    let qualities: Set<Quality>?
    let isWarm: Bool
    let isReady: Bool
    let estimate: TimeEstimate?
    let marginalCostPerSecond: Double
    let amortisedCostPerSecond: Double
    let costDollars: Double
    /// Why it would be refused now.
    let refusal: String?

    /// nil for what is not our server's answer.
    init?(_ body: [UInt8], _ standard: ProviderCapabilities.Limits) {
        guard let value = try? JSONValue(body), let fields = try? JSONFields(value),
            let limits = try? fields.fields("limits"), let clip = try? fields.fields("clip")
        else { return nil }
        model = (try? fields.string("model"))?.printable
        self.limits = Self.limits(limits, standard)
        qualities = (try? fields.strings("qualities")).map { Set($0.compactMap(Quality.init)) }
        isWarm = (try? fields.bool("is_warm")) ?? false
        isReady = (try? fields.bool("is_ready")) ?? true
        estimate = Self.estimate(clip)
        let prices = 0.0...1e9
        marginalCostPerSecond = (try? fields.number("marginal_cost_per_second", in: prices)) ?? 0
        amortisedCostPerSecond = (try? fields.number("amortised_cost_per_second", in: prices)) ?? marginalCostPerSecond
        costDollars = (try? clip.number("cost_dollars", in: prices)) ?? 0
        let isAccepted = (try? clip.bool("would_be_accepted")) ?? true
        refusal = isAccepted ? nil : (try? clip.string("refusal"))?.printable ?? "the server is busy"
    }

    private static func estimate(_ clip: JSONFields) -> TimeEstimate? {
        let seconds = 0.0...1e9
        guard let half = try? clip.number("eta_seconds_p50", in: seconds) else { return nil }
        let queue = (try? clip.number("queue_seconds", in: seconds)) ?? 0
        let most = (try? clip.number("eta_seconds_p90", in: seconds)) ?? half
        return TimeEstimate(queueSeconds: min(queue, half), p50: half, p90: max(most, half))
    }

    private static func limits(
        _ fields: JSONFields, _ standard: ProviderCapabilities.Limits
    ) -> ProviderCapabilities.Limits {
        var limits = standard
        let counts = 0...1 << 40
        if let value = try? fields.number("max_duration_seconds", in: 0...1e9) { limits.maxDurationSeconds = value }
        if let value = try? fields.number("min_duration_seconds", in: 0...1e9) { limits.minDurationSeconds = value }
        if let value = try? fields.integer("max_pixels", in: counts) { limits.maxPixels = value }
        if let value = try? fields.integer("size_step", in: 1...4096) { limits.sizeStep = value }
        if let value = try? fields.integer("frame_step", in: 1...4096) { limits.frameStep = value }
        if let value = try? fields.integer("max_prompt_bytes", in: counts) { limits.maxPromptBytes = value }
        if let value = try? fields.bool("makes_audio") { limits.makesAudio = value }
        if let value = try? fields.integer("max_reference_images", in: 0...16) { limits.maxReferenceImages = value }
        return limits
    }
}

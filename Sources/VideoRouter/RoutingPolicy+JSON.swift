import StrictJSON
import VideoTypes

extension RoutingPolicy {
    /// Reads a policy as an object whose members are named as the properties, in snake case; what it leaves out keeps
    /// its default.
    package init(json text: [UInt8]) throws(JSONFieldError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(text)
        } catch {
            throw JSONFieldError("", "no JSON at byte \(error.offset): \(error.problem.message)")
        }
        try self.init(try JSONFields(value))
    }

    init(_ fields: JSONFields) throws(JSONFieldError) {
        try fields.allow(Set(Self.numbers.map(\.name)).union(Self.otherNames))
        for (name, property, range) in Self.numbers {
            if let number = try fields.number(name, in: range) { self[keyPath: property] = number }
        }
        if let names = try fields.strings("policy_fallbacks") { policyFallbacks = Set(names) }
        if let names = try fields.strings("without") { without = Set(names) }
        maxAttempts = try fields.integer("max_attempts", in: 1...100) ?? maxAttempts
        checksQuality = try fields.bool("checks_quality") ?? checksQuality
        allowsPayingTwice = try fields.bool("allows_paying_twice") ?? allowsPayingTwice
        for (index, element) in (try fields.array("content_rules") ?? []).enumerated() {
            let rule = try JSONFields(element, "content_rules[\(index)]")
            try rule.allow(["words", "prefers"])
            contentRules.append(
                ContentRule(
                    words: Set(try rule.needed("words", rule.strings("words"))),
                    prefers: Set(try rule.needed("prefers", rule.strings("prefers")))))
        }
        guard let tiers = try fields.fields("caps") else { return }
        try tiers.allow(Set(Quality.allCases.map(\.rawValue)))
        for quality in Quality.allCases {
            guard let cap = try tiers.fields(quality.rawValue) else { continue }
            try cap.allow(["max_cost_dollars", "max_latency_seconds"])
            caps[quality] = RoutingCap(
                maxCostDollars: try cap.number("max_cost_dollars", in: VideoRequest.Limits.costDollars),
                maxLatencySeconds: try cap.number("max_latency_seconds", in: VideoRequest.Limits.latencySeconds))
        }
    }

    private static let otherNames: Set<String> = [
        "policy_fallbacks", "without", "max_attempts", "checks_quality", "allows_paying_twice", "content_rules", "caps",
    ]

    private typealias Number = (
        name: String, property: WritableKeyPath<RoutingPolicy, Double>, range: ClosedRange<Double>
    )

    private static var numbers: [Number] {
        let month = 0.001...2_592_000.0
        return [
            ("price_bucket_factor", \.priceBucketFactor, 1...1000),
            ("long_queue_seconds", \.longQueueSeconds, month),
            ("capabilities_seconds", \.capabilitiesSeconds, month),
            ("health_seconds", \.healthSeconds, month),
            ("hang_factor", \.hangFactor, 1...1000),
            ("least_attempt_seconds", \.leastAttemptSeconds, month),
            ("unknown_attempt_seconds", \.unknownAttemptSeconds, month),
            ("retry_delay_seconds", \.retryDelaySeconds, 0...3600),
            ("longest_cooldown_wait_seconds", \.longestCooldownWaitSeconds, 0...86_400),
            ("promise_seconds", \.promiseSeconds, month),
        ]
    }
}

package import VideoTypes

extension ProviderFinding {
    package var json: JSONText {
        .object([
            ("provider", .string(provider)), ("model", model.map(JSONText.string) ?? .null),
            ("rank", rank.map(JSONText.integer) ?? .null), ("reasons", .array(obstacles.map(\.json))),
            ("remarks", .array(remarks.map(JSONText.string))),
            ("quality", quality.map { .string($0.rawValue) } ?? .null),
            ("cost_dollars", costDollars.map(JSONText.number) ?? .null),
            ("ranked_price_dollars", rankedPriceDollars.map(JSONText.number) ?? .null),
            ("p50_seconds", estimate.map { .number($0.p50) } ?? .null),
            ("p90_seconds", estimate.map { .number($0.p90) } ?? .null),
            ("queue_seconds", estimate.map { .number($0.queueSeconds) } ?? .null),
        ])
    }

    /// For people, on one line.
    package var line: String {
        guard rank == nil else { return "\(provider): can serve it" }
        return "\(provider): " + obstacles.map(\.reason).joined(separator: "; ")
    }
}

extension RoutingObstacle {
    package var json: JSONText {
        .object([
            ("kind", .string(kind.rawValue)), ("reason", .string(reason)),
            ("parameter", parameter.map(JSONText.string) ?? .null),
        ])
    }
}

extension [ProviderFinding] {
    /// Without those that the caller does not want, unless there is nobody else: who names one knows that.
    package func wanted(_ options: RoutingOptions) -> [ProviderFinding] {
        let own = filter { finding in
            (options.provider ?? finding.provider) == finding.provider
                && (options.model == nil || options.model == finding.model)
        }
        return own.isEmpty ? self : own
    }
}

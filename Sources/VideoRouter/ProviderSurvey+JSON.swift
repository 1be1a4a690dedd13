import VideoTypes

extension ProviderSurvey {
    /// - Parameter now: of the router's clock.
    func json(at now: Double) -> JSONText {
        var members: [(String, JSONText)] = [("provider", .string(provider)), ("order", .integer(order))]
        switch answer {
        case .failed(let reason): members.append(("failed", .string(reason)))
        case .capabilities(let said): members.append(("capabilities", said.json))
        }
        members.append(("breaker", breaker.json(at: now)))
        switch health {
        case .ready: members.append(("health", .null))
        case .unavailable(let reasons): members.append(("health", .array(reasons.map(JSONText.string))))
        }
        members.append(("score", .number(score)))
        return .object(members)
    }
}

extension CircuitBreaker.Answer {
    func json(at now: Double) -> JSONText {
        func state(_ name: String, _ end: Double? = nil) -> JSONText {
            .object([("state", .string(name)), ("seconds", end.map { .number(max($0 - now, 0)) } ?? .null)])
        }
        return switch self {
        case .allowed: state("closed")
        case .open(let end): state("open", end)
        case .probing: state("probing")
        case .coolingDown(let end): state("cooling_down", end)
        case .shutOut(.authentication): state("no_key")
        case .shutOut(.byHand): state("shut_out")
        }
    }
}

extension ProviderCapabilities {
    var json: JSONText {
        .object([
            ("model", .string(model)), ("limits", limits.json),
            ("qualities", .array(qualities.sorted().map { .string($0.rawValue) })),
            (
                "obstacles",
                .array(
                    obstacles.map {
                        .object([
                            ("reason", .string($0.reason)), ("parameter", $0.parameter.map(JSONText.string) ?? .null),
                        ])
                    })
            ),
            (
                "estimate",
                estimate.map {
                    .object([
                        ("queue_seconds", .bounded($0.queueSeconds)), ("p50_seconds", .bounded($0.p50)),
                        ("p90_seconds", .bounded($0.p90)),
                    ])
                } ?? .null
            ),
            ("marginal_cost_per_second", .bounded(marginalCostPerSecond)),
            ("amortised_cost_per_second", .bounded(amortisedCostPerSecond)), ("cost_dollars", .bounded(costDollars)),
            ("is_warm", .bool(isWarm)), ("remarks", .array(remarks.map(JSONText.string))),
        ])
    }
}

extension ProviderCapabilities.Limits {
    var json: JSONText {
        .object([
            ("max_duration_seconds", .bounded(maxDurationSeconds)),
            ("min_duration_seconds", .bounded(minDurationSeconds)),
            ("max_pixels", .integer(maxPixels)), ("size_step", .integer(sizeStep)), ("frame_step", .integer(frameStep)),
            ("max_prompt_bytes", .integer(maxPromptBytes)), ("makes_audio", .bool(makesAudio)),
            ("max_reference_images", .integer(maxReferenceImages)),
            ("fps", [.integer(framesPerSecond.lowerBound), .integer(framesPerSecond.upperBound)]),
            (
                "aspect_ratios",
                aspectRatios.map {
                    .array($0.map(\.description).filter { AspectRatio($0) != nil }.sorted().map(JSONText.string))
                } ?? .null
            ),
        ])
    }
}

extension JSONText {
    /// What a provider says, where it can be read back.
    fileprivate static func bounded(_ number: Double) -> JSONText {
        abs(number) <= DecisionLine.numberLimit ? .number(number) : .null
    }
}

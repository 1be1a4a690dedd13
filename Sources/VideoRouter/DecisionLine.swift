import StrictJSON
package import VideoTypes

/// What a line of the decision log says, as far as deciding again needs it.
package struct DecisionLine: Sendable, Hashable {
    package let id: VideoRequest.ID
    package let features: RequestFeatures
    package let options: RoutingOptions
    package let spentBeforeDollars: Double
    package let surveys: [ProviderSurvey]
    /// Who was tried first; nil where nobody was.
    package let firstProvider: String?
    /// What it came to.
    package let spentDollars: Double
    package let elapsedSeconds: Double

    /// The longest line that is read.
    package static let byteLimit = 1 << 20
    /// The most providers of a line.
    static let providerLimit = 1000

    package init(_ text: [UInt8]) throws(JSONFieldError) {
        guard text.count <= Self.byteLimit else {
            throw JSONFieldError("", "the line is longer than \(Self.byteLimit)")
        }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(text)
        } catch {
            throw JSONFieldError("", "no JSON at byte \(error.offset): \(error.problem.message)")
        }
        let fields = try JSONFields(value)
        let version = try fields.needed("version", fields.integer("version", in: 0...Int.max))
        guard version == DecisionRecord.version else {
            throw JSONFieldError("version", "is \(version), this program reads \(DecisionRecord.version)")
        }
        id = try fields.needed("id", fields.string("id"))
        features = try RequestFeatures(try fields.needed("request", fields.fields("request")))
        options = try RoutingOptions(try fields.needed("options", fields.fields("options")))
        spentBeforeDollars = try fields.number("spent_before_dollars", in: Self.dollars) ?? 0
        spentDollars = try fields.needed("spent_dollars", fields.number("spent_dollars", in: Self.dollars))
        elapsedSeconds = try fields.needed(
            "elapsed_seconds", fields.number("elapsed_seconds", in: 0...Self.numberLimit))
        var surveys: [ProviderSurvey] = []
        var names: Set<String> = []
        let list = try fields.needed("surveys", fields.array("surveys", atMost: Self.providerLimit))
        for (order, element) in list.enumerated() {
            let survey = try ProviderSurvey(JSONFields(element, "surveys[\(order)]"), order: order)
            guard names.insert(survey.provider).inserted else {
                throw JSONFieldError("surveys[\(order)].provider", "is there twice")
            }
            surveys.append(survey)
        }
        self.surveys = surveys
        let attempts = try fields.needed("attempts", fields.array("attempts"))
        firstProvider = try attempts.first.map { (value) throws(JSONFieldError) in
            let attempt = try JSONFields(value, "attempts[0]")
            return try attempt.needed("provider", attempt.string("provider"))
        }
    }

    /// Larger numbers are none.
    static let numberLimit = 1e12
    private static let dollars = 0.0...numberLimit
}

extension RequestFeatures {
    init(_ fields: JSONFields) throws(JSONFieldError) {
        var request = VideoRequest(prompt: "")
        request.quality = try fields.needed("quality", fields.word("quality", Quality.self))
        request.wantsAudio = try fields.bool("wants_audio") ?? false
        request.durationSeconds = try fields.number("duration_seconds", in: VideoRequest.Limits.durationSeconds)
        if try fields.bool("is_least_duration") ?? false { request.durationRule = .atLeast }
        let side = VideoRequest.Limits.side
        request.resolution = try fields.integer("resolution", in: side).map(Resolution.init(shorterSide:))
        if let text = try fields.string("aspect_ratio") {
            request.aspectRatio = try fields.needed("aspect_ratio", AspectRatio(text))
        }
        request.width = try fields.integer("width", in: side)
        request.height = try fields.integer("height", in: side)
        request.frames = try fields.integer("frames", in: VideoRequest.Limits.frames)
        request.framesPerSecond = try fields.integer("fps", in: VideoRequest.Limits.framesPerSecond)
        request.steps = try fields.integer("steps", in: VideoRequest.Limits.steps)
        request.maxCostDollars = try fields.number("max_cost_dollars", in: VideoRequest.Limits.costDollars)
        request.maxLatencySeconds = try fields.number("max_latency_seconds", in: VideoRequest.Limits.latencySeconds)
        self.init(request)
        promptBytes = try fields.integer("prompt_bytes", in: 0...VideoRequest.Limits.promptBytes) ?? 0
        referenceImages = try fields.integer("reference_images", in: 0...VideoRequest.Limits.referenceImages) ?? 0
        hasSeed = try fields.bool("has_seed") ?? false
        preferred = Set(try fields.strings("preferred") ?? [])
    }
}

extension RoutingOptions {
    init(_ fields: JSONFields) throws(JSONFieldError) {
        self.init(
            provider: try fields.string("provider"), model: try fields.string("model"),
            allowsPromise: try fields.bool("allows_promise") ?? true)
    }
}

extension ProviderSurvey {
    /// Times are those of a clock that stands at 0.
    init(_ fields: JSONFields, order: Int) throws(JSONFieldError) {
        let answer: Answer
        if let reason = try fields.string("failed") {
            answer = .failed(reason)
        } else {
            let said = try fields.needed("capabilities", fields.fields("capabilities"))
            answer = .capabilities(try ProviderCapabilities(said))
        }
        let reasons = try fields.strings("health")
        self.init(
            provider: try fields.needed("provider", fields.string("provider")), order: order, answer: answer,
            breaker: try CircuitBreaker.Answer(try fields.needed("breaker", fields.fields("breaker"))),
            health: reasons.map(ProviderHealth.unavailable) ?? .ready,
            score: try fields.number("score", in: 0...100) ?? ScoreBoard.start)
    }
}

extension CircuitBreaker.Answer {
    private enum State: String, CaseIterable {
        case closed
        case open
        case probing
        case coolingDown = "cooling_down"
        case noKey = "no_key"
        case shutOut = "shut_out"
    }

    init(_ fields: JSONFields) throws(JSONFieldError) {
        let seconds = try fields.number("seconds", in: 0...1e9) ?? 0
        switch try fields.needed("state", fields.word("state", State.self)) {
        case .closed: self = .allowed
        case .open: self = .open(until: seconds)
        case .probing: self = .probing
        case .coolingDown: self = .coolingDown(until: seconds)
        case .noKey: self = .shutOut(.authentication)
        case .shutOut: self = .shutOut(.byHand)
        }
    }
}

extension ProviderCapabilities {
    init(_ fields: JSONFields) throws(JSONFieldError) {
        var obstacles: [Obstacle] = []
        for (index, element) in (try fields.array("obstacles") ?? []).enumerated() {
            let obstacle = try JSONFields(element, fields.path("obstacles[\(index)]"))
            obstacles.append(
                Obstacle(
                    try obstacle.needed("reason", obstacle.string("reason")),
                    parameter: try obstacle.string("parameter")
                ))
        }
        var qualities: Set<Quality> = []
        for name in try fields.strings("qualities") ?? [] {
            qualities.insert(try fields.needed("qualities", Quality(rawValue: name)))
        }
        // What was no number was written as null: a price that nobody can tell.
        let price = -DecisionLine.numberLimit...DecisionLine.numberLimit
        self.init(
            provider: "", model: try fields.needed("model", fields.string("model")),
            limits: try Limits(try fields.needed("limits", fields.fields("limits"))), qualities: qualities,
            obstacles: obstacles,
            estimate: try fields.fields("estimate").map { (estimate) throws(JSONFieldError) in
                let seconds = -DecisionLine.numberLimit...DecisionLine.numberLimit
                return TimeEstimate(
                    queueSeconds: try estimate.number("queue_seconds", in: seconds) ?? 0,
                    p50: try estimate.number("p50_seconds", in: seconds) ?? .infinity,
                    p90: try estimate.number("p90_seconds", in: seconds) ?? .infinity)
            },
            marginalCostPerSecond: try fields.number("marginal_cost_per_second", in: price) ?? 0,
            amortisedCostPerSecond: try fields.number("amortised_cost_per_second", in: price) ?? 0,
            costDollars: try fields.number("cost_dollars", in: price) ?? .infinity,
            isWarm: try fields.bool("is_warm") ?? false, remarks: try fields.strings("remarks") ?? [])
    }
}

extension ProviderCapabilities.Limits {
    init(_ fields: JSONFields) throws(JSONFieldError) {
        let whole = Int.min...Int.max
        let seconds = -DecisionLine.numberLimit...DecisionLine.numberLimit
        self.init(
            maxDurationSeconds: try fields.number("max_duration_seconds", in: seconds) ?? .infinity,
            maxPixels: try fields.needed("max_pixels", fields.integer("max_pixels", in: whole)),
            sizeStep: try fields.integer("size_step", in: whole) ?? 1,
            frameStep: try fields.integer("frame_step", in: whole) ?? 1,
            maxPromptBytes: try fields.integer("max_prompt_bytes", in: whole) ?? Int.max,
            makesAudio: try fields.bool("makes_audio") ?? false,
            maxReferenceImages: try fields.integer("max_reference_images", in: whole) ?? 0,
            minDurationSeconds: try fields.number("min_duration_seconds", in: seconds) ?? 0)
        if let rates = try fields.array("fps", atMost: 2) {
            var numbers: [Int] = []
            for rate in rates {
                guard case .number(let text) = rate, let number = Int(text) else { continue }
                numbers.append(number)
            }
            guard numbers.count == 2, numbers[0] <= numbers[1] else {
                throw JSONFieldError(fields.path("fps"), "must be two whole numbers, the smaller first")
            }
            framesPerSecond = numbers[0]...numbers[1]
        }
        guard let names = try fields.strings("aspect_ratios") else { return }
        var ratios: Set<AspectRatio> = []
        for name in names { ratios.insert(try fields.needed("aspect_ratios", AspectRatio(name))) }
        aspectRatios = ratios
    }
}

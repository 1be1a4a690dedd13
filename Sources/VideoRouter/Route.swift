import VideoTypes

/// One request on its way through the providers.
struct Route {
    let request: VideoRequest
    let options: RoutingOptions
    let ranker: Ranker
    let features: RequestFeatures
    let handle: RouteHandle
    /// Of the router's clock.
    let startedAt: Double
    var money: SpentMoney
    var givenUp: [String: RoutingObstacle] = [:]
    var policyFallbacks: Set<String>?
    var attempts: [AttemptRecord] = []
    /// What the providers said first, before anything was tried.
    var firstSurveys: [ProviderSurvey] = []
    /// Of the router's clock.
    var firstSurveyAt = 0.0
    /// The last one.
    var ranking = Ranking(findings: [], isPanic: false)
    /// A clip that leaves something to be desired: better than none.
    var fallbackClip: (clip: VideoResult, judgement: ClipJudgement?, reason: String)?
    /// Clips asked for under ids of their own: the first is the request's.
    var variants = 1
    var hasTriedAnotherSeed = false
    /// Providers with an order of this request under way; nil where paying twice is allowed, or there is none.
    var holders: Set<String>?
    /// A provider said that the time of the request is up.
    var isOverdue = false

    init(
        _ request: VideoRequest, _ options: RoutingOptions, _ policy: RoutingPolicy, handle: RouteHandle,
        startedAt: Double, spentBefore: Double
    ) {
        self.request = request
        self.options = options
        self.handle = handle
        self.startedAt = startedAt
        var features = RequestFeatures(request)
        features.preferred = policy.preferred(for: request.prompt)
        features = policy.capped(features)
        self.features = features
        ranker = Ranker(policy: policy, features: features, options: options, requestID: request.id)
        money = SpentMoney(limit: features.maxCostDollars, before: spentBefore)
    }

    /// Of the router's clock; nil where there is no limit.
    var deadline: Double? { features.maxLatencySeconds.map { startedAt + $0 } }

    func situation(at now: Double) -> RoutingSituation {
        var situation = RoutingSituation(
            now: now, remainingSeconds: deadline.map { $0 - now }, remainingDollars: money.remaining)
        situation.givenUp = givenUp
        situation.policyFallbacks = policyFallbacks
        situation.holders = holders
        return situation
    }

    /// What is known of each provider now.
    var findings: [ProviderFinding] {
        ranking.findings.map { finding in
            guard let obstacle = givenUp[finding.provider] else { return finding }
            return ProviderFinding(
                provider: finding.provider, model: finding.model, obstacles: [obstacle], quality: finding.quality,
                costDollars: finding.costDollars, rankedPriceDollars: finding.rankedPriceDollars,
                estimate: finding.estimate, remarks: finding.remarks)
        }
    }

    /// A provider that gets an id twice makes one clip: another clip needs another id.
    func id(ofVariant number: Int) -> VideoRequest.ID { number == 1 ? request.id : "\(request.id).\(number)" }

    mutating func nextID() -> VideoRequest.ID {
        variants += 1
        return id(ofVariant: variants)
    }

    mutating func giveUp(_ provider: String, _ kind: RoutingObstacle.Kind, _ reason: String, parameter: String? = nil) {
        givenUp[provider] = RoutingObstacle(kind, reason, parameter: parameter)
    }
}

/// One attempt, as it is told afterwards.
struct AttemptRecord {
    let provider: String
    let model: String
    let requestID: VideoRequest.ID
    /// From the start of the request.
    let startedAfter: Double
    let seconds: Double
    let quotedDollars: Double
    /// "done", "empty", or the name of the error.
    var outcome = ""
    var message = ""
    /// What the provider charged, or may have; nil where it did not come to that.
    var costDollars: Double?

    var json: JSONText {
        .object([
            ("provider", .string(provider)), ("model", .string(model)), ("request_id", .string(requestID)),
            ("started_after_seconds", .number(startedAfter)), ("seconds", .number(seconds)),
            ("outcome", .string(outcome)), ("message", .string(message)), ("quoted_dollars", .number(quotedDollars)),
            ("cost_dollars", costDollars.map(JSONText.number) ?? .null),
        ])
    }
}

extension RoutingPolicy {
    /// The providers that the content rules name for a prompt.
    func preferred(for prompt: String) -> Set<String> {
        guard !contentRules.isEmpty else { return [] }
        let words = Set(prompt.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init))
        return contentRules.reduce(into: []) { names, rule in
            if rule.words.contains(where: { words.contains($0.lowercased()) }) { names.formUnion(rule.prefers) }
        }
    }
}

package import VideoTypes

/// Decides who serves a request: pure arithmetic on what the providers said.
package struct Ranker: Sendable {
    private let policy: RoutingPolicy
    private let features: RequestFeatures
    private let options: RoutingOptions
    private let requestID: String

    package init(
        policy: RoutingPolicy, features: RequestFeatures, options: RoutingOptions, requestID: VideoRequest.ID
    ) {
        self.policy = policy
        self.features = features
        self.options = options
        self.requestID = requestID
    }

    /// Who can serve it, the best first, and then who cannot.
    ///
    /// Where nothing but breakers stands in the way of everybody, those are set aside: see `isPanic`.
    package func rank(_ surveys: [ProviderSurvey], _ situation: RoutingSituation) -> Ranking {
        let found = surveys.map { (survey: $0, obstacles: obstacles($0, situation)) }
        let isPanic =
            !found.contains { $0.obstacles.isEmpty } && found.contains { Self.isOnlyBroken($0.survey, $0.obstacles) }
        let fit = found.filter { isPanic ? Self.isOnlyBroken($0.survey, $0.obstacles) : $0.obstacles.isEmpty }
            .map(\.survey)
        let buckets = buckets(fit.compactMap(price))
        let ordered = fit.map { (survey: $0, key: key($0, buckets)) }.sorted { $0.key < $1.key }
        var findings: [ProviderFinding] = []
        for (rank, entry) in ordered.enumerated() { findings.append(finding(entry.survey, rank: rank, [])) }
        let chosen = Set(fit.map(\.order))
        for entry in found where !chosen.contains(entry.survey.order) {
            findings.append(finding(entry.survey, rank: nil, entry.obstacles))
        }
        return Ranking(findings: findings, isPanic: isPanic)
    }

    private static func isOnlyBroken(_ survey: ProviderSurvey, _ obstacles: [RoutingObstacle]) -> Bool {
        guard obstacles.allSatisfy({ $0.kind == .breaker }), !obstacles.isEmpty else { return false }
        if case .shutOut = survey.breaker { return false }
        return true
    }
}

// What stands in the way.
extension Ranker {
    private func obstacles(_ survey: ProviderSurvey, _ situation: RoutingSituation) -> [RoutingObstacle] {
        if let obstacle = excluded(survey, situation) { return [obstacle] }
        var found: [RoutingObstacle] = []
        switch survey.answer {
        case .failed(let reason): found.append(RoutingObstacle(.capabilities, reason))
        case .capabilities(let said):
            let own = said.obstacles.map {
                RoutingObstacle($0.parameter == Self.money ? .budget : .limits, $0.reason, parameter: $0.parameter)
            }
            let limits = features.obstacles(said.limits)
            // Both may say the same; the provider knows better how to put it.
            let named = Set(own.compactMap(\.parameter))
            found += own + limits.filter { $0.parameter.map { !named.contains($0) } ?? true }
            if said.qualities.isEmpty { found.append(RoutingObstacle(.limits, "it serves no tier of quality")) }
            if let obstacle = budget(said, situation) { found.append(obstacle) }
            if let obstacle = deadline(said, situation) { found.append(obstacle) }
        }
        if let obstacle = breaker(survey.breaker, situation) { found.append(obstacle) }
        if case .unavailable(let reasons) = survey.health {
            found.append(RoutingObstacle(.health, reasons.isEmpty ? "not ready" : reasons.joined(separator: "; ")))
        }
        return found
    }

    /// What a provider names that could make the clip, but for somebody's money.
    static let money = "max_cost_dollars"

    private func excluded(_ survey: ProviderSurvey, _ situation: RoutingSituation) -> RoutingObstacle? {
        if let wanted = options.provider, wanted != survey.provider {
            return RoutingObstacle(.excluded, "the caller wants \(wanted)")
        }
        if policy.without.contains(survey.provider) { return RoutingObstacle(.excluded, "the policy leaves it out") }
        if let wanted = options.model, case .capabilities(let said) = survey.answer, said.model != wanted {
            return RoutingObstacle(.excluded, "the caller wants the model \(wanted)", parameter: "model")
        }
        if let obstacle = situation.givenUp[survey.provider] { return obstacle }
        if let holders = situation.holders, !holders.contains(survey.provider) {
            let names = holders.sorted().joined(separator: ", ")
            return RoutingObstacle(
                .excluded, "\(names) has or may be making this clip: it is not to be paid twice")
        }
        if let allowed = situation.policyFallbacks, !allowed.contains(survey.provider) {
            return RoutingObstacle(.contentPolicy, "another refused the content, and it may not take over")
        }
        return nil
    }

    private func budget(_ said: ProviderCapabilities, _ situation: RoutingSituation) -> RoutingObstacle? {
        guard let rest = situation.remainingDollars else { return nil }
        guard said.costDollars.isFinite else { return RoutingObstacle(.budget, "it does not tell its price") }
        // Prices are sums of decimals: a hair too much is none.
        guard said.costDollars > rest + 1e-9 else { return nil }
        return RoutingObstacle(.budget, "it costs \(said.costDollars) $, \(rest) $ are left")
    }

    private func deadline(_ said: ProviderCapabilities, _ situation: RoutingSituation) -> RoutingObstacle? {
        guard let rest = situation.remainingSeconds else { return nil }
        guard let p90 = said.estimate?.p90 else {
            return rest > 0 ? nil : RoutingObstacle(.deadline, "no time is left")
        }
        // Written so that a NaN is an obstacle.
        if p90 <= rest, rest > 0 { return nil }
        return RoutingObstacle(.deadline, "it takes up to \(p90) s, \(max(rest, 0)) s are left")
    }

    private func breaker(_ answer: CircuitBreaker.Answer, _ situation: RoutingSituation) -> RoutingObstacle? {
        func seconds(_ end: Double) -> String { "\(Int(min(max((end - situation.now).rounded(.up), 0), 1e6))) s" }
        return switch answer {
        case .allowed: nil
        case .open(let end): RoutingObstacle(.breaker, "it failed lately; next try in \(seconds(end))")
        case .probing: RoutingObstacle(.breaker, "it failed lately, and is being tried")
        case .coolingDown(let end): RoutingObstacle(.cooldown, "it asked for a pause of \(seconds(end))")
        case .shutOut(.authentication): RoutingObstacle(.breaker, "its key does not do; set it right and start anew")
        case .shutOut(.byHand): RoutingObstacle(.breaker, "shut out by hand")
        }
    }
}

// Who goes first.
extension Ranker {
    /// Compared part by part, the smaller first: weights would let a low price buy off quality.
    private struct Key: Comparable {
        let quality: Int
        let isNotPreferred: Int
        let price: Int
        /// Tens of points that are lacking.
        let score: Int
        let p50: Double
        let order: Int
        let hash: UInt64

        static func < (left: Key, right: Key) -> Bool {
            let head = (left.quality, left.isNotPreferred, left.price, left.score)
            let other = (right.quality, right.isNotPreferred, right.price, right.score)
            return head == other
                ? (left.p50, left.order, left.hash) < (right.p50, right.order, right.hash) : head < other
        }
    }

    private func key(_ survey: ProviderSurvey, _ buckets: [Double]) -> Key {
        guard case .capabilities(let said) = survey.answer else {
            return Key(
                quality: .max, isNotPreferred: 1, price: .max, score: 10, p50: .infinity, order: survey.order, hash: 0)
        }
        let p50 = said.estimate?.p50 ?? .infinity
        return Key(
            quality: servedQuality(said).map(distance) ?? .max,
            isNotPreferred: features.preferred.contains(survey.provider) ? 0 : 1,
            price: buckets.count { $0 <= max(price(said), Self.cheapest) },
            score: 10 - Int((min(max(survey.score, 0), 100) / 10).rounded()), p50: p50.isNaN ? .infinity : p50,
            order: survey.order,
            hash: Self.hash(requestID + "\u{1}" + survey.provider))
    }

    /// The tier nearest to the one wanted.
    private func servedQuality(_ said: ProviderCapabilities) -> Quality? {
        said.qualities.min { distance($0) < distance($1) }
    }

    /// How far a tier is from the one wanted; any tier above is nearer than any below.
    private func distance(_ quality: Quality) -> Int {
        let steps = quality.rank - features.quality.rank
        return steps >= 0 ? steps : Quality.allCases.count - steps
    }

    /// The cost at the margin; where a machine has a price of its own, more of it the longer its queue is.
    ///
    /// An idle machine costs its owner only electricity; one that many wait for is worth what its time would sell for.
    private func price(_ said: ProviderCapabilities) -> Double {
        let marginal = said.costDollars.isNaN ? .infinity : said.costDollars
        let queue = said.estimate?.queueSeconds ?? 0
        let machine = said.amortisedCostPerSecond - said.marginalCostPerSecond
        guard machine > 0, queue > 0, policy.longQueueSeconds > 0 else { return marginal }
        return marginal + machine * (features.seconds ?? Self.usualSeconds) * queue / policy.longQueueSeconds
    }

    private func price(_ survey: ProviderSurvey) -> Double? {
        guard case .capabilities(let said) = survey.answer else { return nil }
        return price(said)
    }

    /// Of a clip whose length the model chooses.
    private static let usualSeconds = 5.0

    /// Below a tenth of a cent everything is free.
    private static let cheapest = 0.001

    /// The prices at which what counts as one price begins, ascending.
    ///
    /// They begin at the lowest offer, not at round sums: two offers close together are never parted by a boundary.
    private func buckets(_ prices: [Double]) -> [Double] {
        let factor = max(policy.priceBucketFactor, 1)
        return prices.map { max($0, Self.cheapest) }.sorted().reduce(into: []) { starts, price in
            guard let last = starts.last else { return starts.append(price) }
            if price > last * factor { starts.append(price) }
        }
    }

    /// FNV-1a: the same on every machine and in every run.
    static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    private func finding(_ survey: ProviderSurvey, rank: Int?, _ obstacles: [RoutingObstacle]) -> ProviderFinding {
        guard case .capabilities(let said) = survey.answer else {
            return ProviderFinding(provider: survey.provider, rank: rank, obstacles: obstacles)
        }
        return ProviderFinding(
            provider: survey.provider, model: said.model, rank: rank, obstacles: obstacles,
            quality: servedQuality(said), costDollars: said.costDollars, rankedPriceDollars: price(said),
            estimate: said.estimate, remarks: said.remarks)
    }
}

/// Everybody's place.
package struct Ranking: Sendable, Hashable {
    /// Who can serve the request, the best first, and then who cannot.
    package let findings: [ProviderFinding]
    /// Nobody was left but providers that failed lately: they are tried before their time.
    package let isPanic: Bool

    /// Who serves it; nil where nobody can.
    package var best: ProviderFinding? { findings.first { $0.rank == 0 } }
}

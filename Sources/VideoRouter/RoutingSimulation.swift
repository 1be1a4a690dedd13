package import VideoTypes

/// Decides the requests of a log once more, under another policy.
///
/// It knows what every provider said at the first look; what an attempt would have come to, it cannot know.
package struct RoutingSimulation: Sendable {
    private let policy: RoutingPolicy
    package private(set) var summary = SimulationSummary()

    package init(policy: RoutingPolicy) {
        self.policy = policy
    }

    /// One line of the log, without its end.
    package mutating func replay(_ text: [UInt8]) throws(JSONFieldError) -> SimulatedDecision {
        let line = try DecisionLine(text)
        let features = policy.capped(line.features)
        let ranker = Ranker(policy: policy, features: features, options: line.options, requestID: line.id)
        let money = features.maxCostDollars.map { max($0 - line.spentBeforeDollars, 0) }
        let ranking = ranker.rank(
            line.surveys,
            RoutingSituation(now: 0, remainingSeconds: features.maxLatencySeconds, remainingDollars: money))
        let then = ranking.findings.first { $0.provider == line.firstProvider }
        let decision = SimulatedDecision(
            id: line.id, then: line.firstProvider, thenCostDollars: then?.costDollars, thenSeconds: then?.estimate?.p50,
            now: ranking.best?.provider, nowCostDollars: ranking.best?.costDollars,
            nowSeconds: ranking.best?.estimate?.p50, findings: ranking.findings)
        summary.add(decision, line)
        return decision
    }

    /// What the policy names and no decision of the log knows: misspelt, as a rule.
    package var strangers: [String] { policy.providers.subtracting(summary.providers).sorted() }

    mutating func passOver(line: Int) { summary.passOver(line: line) }
}

/// Who was chosen, and who would be.
package struct SimulatedDecision: Sendable, Hashable {
    package let id: VideoRequest.ID
    /// nil where nobody could serve it at once.
    package let then: String?
    package let thenCostDollars: Double?
    package let thenSeconds: Double?
    package let now: String?
    package let nowCostDollars: Double?
    package let nowSeconds: Double?
    package let findings: [ProviderFinding]

    package var differs: Bool { then != now }

    package var json: JSONText {
        func side(_ provider: String?, _ cost: Double?, _ seconds: Double?) -> JSONText {
            .object([
                ("provider", provider.map(JSONText.string) ?? .null),
                ("cost_dollars", cost.map(JSONText.number) ?? .null),
                ("p50_seconds", seconds.map(JSONText.number) ?? .null),
            ])
        }
        return .object([
            ("id", .string(id)), ("differs", .bool(differs)), ("then", side(then, thenCostDollars, thenSeconds)),
            ("now", side(now, nowCostDollars, nowSeconds)), ("providers", .array(findings.map(\.json))),
        ])
    }
}

/// What the decisions of a log add up to.
package struct SimulationSummary: Sendable {
    package private(set) var decisions = 0
    package private(set) var differing = 0
    package private(set) var then = Side()
    package private(set) var now = Side()
    /// What the requests really cost and took, as the log has it.
    package private(set) var spentDollars = 0.0
    package private(set) var elapsedSeconds = 0.0
    /// How many lines were no JSON, and the first of them.
    package private(set) var tornLines = (count: 0, first: [Int]())
    /// Everybody who was asked.
    package private(set) var providers: Set<String> = []

    private static let shownLines = 20

    /// Sums over the first choice of every request, by what the providers quoted.
    package struct Side: Sendable, Hashable {
        package fileprivate(set) var costDollars = 0.0
        package fileprivate(set) var seconds = 0.0
        /// Choices whose price nobody told; they are not in the sum.
        package fileprivate(set) var unpriced = 0
        /// Requests that nobody could serve at once.
        package fileprivate(set) var unserved = 0
        package fileprivate(set) var byProvider: [String: Int] = [:]

        fileprivate mutating func add(_ provider: String?, _ cost: Double?, _ seconds: Double?) {
            guard let provider else {
                unserved += 1
                return
            }
            byProvider[provider, default: 0] += 1
            if let cost, cost.isFinite { costDollars += cost } else { unpriced += 1 }
            if let seconds, seconds.isFinite { self.seconds += seconds }
        }

        package var json: JSONText {
            .object([
                ("cost_dollars", .number(costDollars)), ("p50_seconds", .number(seconds)),
                ("unpriced", .integer(unpriced)), ("unserved", .integer(unserved)),
                (
                    "by_provider",
                    .object(byProvider.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })
                ),
            ])
        }
    }

    fileprivate mutating func add(_ decision: SimulatedDecision, _ line: DecisionLine) {
        decisions += 1
        providers.formUnion(line.surveys.map(\.provider))
        if decision.differs { differing += 1 }
        then.add(decision.then, decision.thenCostDollars, decision.thenSeconds)
        now.add(decision.now, decision.nowCostDollars, decision.nowSeconds)
        spentDollars += line.spentDollars
        elapsedSeconds += line.elapsedSeconds
    }

    fileprivate mutating func passOver(line: Int) {
        tornLines.count += 1
        if tornLines.first.count < Self.shownLines { tornLines.first.append(line) }
    }

    package var json: JSONText {
        .object([
            ("torn_lines", .integer(tornLines.count)),
            ("first_torn_lines", .array(tornLines.first.map(JSONText.integer))),
            ("decisions", .integer(decisions)), ("differing", .integer(differing)), ("then", then.json),
            ("now", now.json), ("spent_dollars", .number(spentDollars)), ("elapsed_seconds", .number(elapsedSeconds)),
        ])
    }
}

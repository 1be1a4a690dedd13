import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// The ranking alone.
@Suite(.bounded) struct RankerTests {
    private static func survey(
        _ name: String, order: Int, cost: Double = 0, amortised: Double? = nil, p50: Double = 30, p90: Double = 60,
        queue: Double = 0, qualities: Set<Quality> = Set(Quality.allCases), breaker: CircuitBreaker.Answer = .allowed
    ) -> ProviderSurvey {
        let said = ProviderCapabilities(
            provider: name, model: name, limits: Scene.limits, qualities: qualities,
            estimate: TimeEstimate(queueSeconds: queue, p50: p50, p90: p90), marginalCostPerSecond: cost / 5,
            amortisedCostPerSecond: amortised ?? cost / 5, costDollars: cost)
        return ProviderSurvey(
            provider: name, order: order, answer: .capabilities(said), breaker: breaker, health: .ready)
    }

    private static func rank(
        _ surveys: [ProviderSurvey], policy: RoutingPolicy = RoutingPolicy(),
        situation: RoutingSituation = RoutingSituation(now: 0), _ change: (inout VideoRequest) -> Void = { _ in }
    ) -> Ranking {
        var request = VideoRequest(prompt: "x")
        change(&request)
        return Ranker(policy: policy, features: RequestFeatures(request), options: RoutingOptions(), requestID: "id")
            .rank(surveys, situation)
    }

    private static func order(_ ranking: Ranking) -> [String] { ranking.findings.map(\.provider) }

    @Test func `the tier asked for, then those above it, then those below it`() {
        let surveys = [
            Self.survey("draft", order: 0, qualities: [.draft]),
            Self.survey("premium", order: 1, cost: 9, qualities: [.premium]),
            Self.survey("standard", order: 2, cost: 9, p50: 55, qualities: [.standard]),
        ]
        #expect(Self.order(Self.rank(surveys) { $0.quality = .standard }) == ["standard", "premium", "draft"])
        #expect(Self.order(Self.rank(surveys) { $0.quality = .draft }) == ["draft", "standard", "premium"])
        #expect(Self.order(Self.rank(surveys) { $0.quality = .premium }) == ["premium", "standard", "draft"])
        #expect(Self.rank(surveys) { $0.quality = .premium }.best?.quality == .premium)
    }

    @Test func `a long queue makes an own machine dear, an idle one costs its electricity`() {
        func first(queue: Double) -> String? {
            // A cent of electricity and a dollar of machine for five seconds, against half a dollar in the cloud.
            let local = Self.survey("local", order: 0, cost: 0.01, amortised: 0.2, p50: 20, p90: 5000, queue: queue)
            return Self.rank([local, Self.survey("cloud", order: 1, cost: 0.5, p50: 30)]).best?.provider
        }
        #expect(first(queue: 0) == "local")
        #expect(first(queue: 200) == "local")
        #expect(first(queue: 400) == "cloud")
    }

    @Test func `a local machine that is late spills over to the cloud, where money allows`() {
        let surveys = [
            Self.survey("local", order: 0, p50: 200, p90: 300), Self.survey("cloud", order: 1, cost: 2),
        ]
        func situation(_ dollars: Double) -> RoutingSituation {
            RoutingSituation(now: 0, remainingSeconds: 100, remainingDollars: dollars)
        }
        #expect(Self.rank(surveys, situation: situation(2)).best?.provider == "cloud")
        let poor = Self.rank(surveys, situation: situation(1.99))
        #expect(poor.best == nil)
        #expect(poor.findings.map { $0.obstacles.map(\.kind) } == [[.deadline], [.budget]])
    }

    @Test func `in panic the broken go in their order, the shut out and the pausing stay out`() {
        let ranking = Self.rank([
            Self.survey("dear", order: 0, cost: 3, breaker: .open(until: 10)),
            Self.survey("cheap", order: 1, cost: 1, breaker: .probing),
            Self.survey("locked", order: 2, breaker: .shutOut(.authentication)),
            Self.survey("pausing", order: 3, breaker: .coolingDown(until: 9)),
        ])
        #expect(ranking.isPanic)
        #expect(ranking.findings.map(\.rank) == [0, 1, nil, nil])
        #expect(Self.order(ranking) == ["cheap", "dear", "locked", "pausing"])
        let calm = Self.rank([
            Self.survey("broken", order: 0, breaker: .open(until: 10)), Self.survey("good", order: 1, cost: 9),
        ])
        #expect(!calm.isPanic && calm.best?.provider == "good")
    }

    @Test func `the order of the answers does not matter`() {
        var state: UInt64 = 5
        func below(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        for _ in 0..<300 {
            let surveys = (0..<6).map { order in
                Self.survey(
                    "p\(order)", order: order, cost: [0, 0.5, 0.55, 1, .nan][below(5)],
                    p50: [10, 20, .nan][below(3)], qualities: [Quality.allCases[below(3)]],
                    breaker: [.allowed, .probing, .open(until: 5)][below(3)])
            }
            let first = Self.rank(surveys)
            func served(_ ranking: Ranking) -> [String] {
                ranking.findings.filter { $0.rank != nil }.map(\.provider)
            }
            #expect(served(Self.rank(surveys.shuffled())) == served(first))
            #expect(first.findings.compactMap(\.rank) == Array(0..<served(first).count))
            // Nobody who can serve it is left out, unless the broken ones are all there is.
            let isFree = surveys.contains { $0.breaker == .allowed }
            #expect(first.isPanic == !isFree)
        }
    }
}

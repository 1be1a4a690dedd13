import FoundationEssentials
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// The log and what is made of it.
@Suite(.bounded) struct DecisionLogTests {
    private let scene = Scene()
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("log.jsonl")
    }

    private func lines() throws -> [[UInt8]] {
        Array(try Data(contentsOf: URL(filePath: path))).split(separator: 0x0A).map(Array.init)
    }

    @Test func `nothing is added to a file that holds something else`() throws {
        try Data("my notes\n".utf8).write(to: URL(filePath: path))
        #expect(throws: RouterError.self) { try DecisionLog(path: path) }
        #expect(try Data(contentsOf: URL(filePath: path)) == Data("my notes\n".utf8))
    }

    /// Three decisions: a clip after a failure, a promise, a budget too small.
    private func record() async throws {
        let local = scene.provider("local", cost: 0.01, p50: 300, p90: 500, queue: 200)
        let flaky = scene.provider("flaky", cost: 0.4, p50: 20, p90: 40, .failure(.server("down")), .clip())
        local.change { $0.obstacles = [] }
        let router = try scene.router([local, flaky], promises: PromiseList(), log: DecisionLog(path: path))
        _ = try await router.clip(
            scene.request {
                $0.id = "first"
                $0.maxLatencySeconds = 100
            })
        flaky.set(.unavailable(["closed"]))
        scene.clock.advance(by: 60)
        _ = try await router.generate(
            scene.request {
                $0.id = "second"
                $0.maxLatencySeconds = 100
            })
        _ = await router.error(
            scene.request {
                $0.id = "third"
                $0.maxCostDollars = 0.001
            })
    }

    @Test func `a decision is one line that says everything but the prompt`() async throws {
        try await record()
        let lines = try lines()
        #expect(lines.count == 3)
        let text = lines.map { String(decoding: $0, as: UTF8.self) }
        #expect(text.allSatisfy { !$0.contains("red circle") })
        // SHA-256 of "a red circle moves up".
        #expect(text.allSatisfy { $0.contains(#""prompt_sha256": "e192089e1f"#) }, "\(text[0])")
        for part in [
            #""id": "first""#, #""max_latency_seconds": 100.0"#, "it takes up to 500.0 s, 100.0 s are left",
            #""outcome": "server_error""#, #""outcome": "done""#, #""kind": "done""#, #""spent_dollars": 0.4"#,
            #""elapsed_seconds": 2.0"#, #""breaker": {"state": "closed""#,
        ] { #expect(text[0].contains(part), "\(part)") }
        #expect(text[1].contains(#""kind": "promised""#) && text[1].contains(#""health": ["closed"]"#))
        #expect(text[2].contains(#""kind": "failed", "code": "budget_exceeded""#))
        for line in lines { _ = try JSONValue(line) }
    }

    @Test func `lines are added, and one that was torn is ended first`() async throws {
        try Data("{\"torn".utf8).write(to: URL(filePath: path))
        let log = try DecisionLog(path: path)
        #expect(log.append(["a": 1]) && log.append(["b": "x\ny"]))
        #expect(try DecisionLog(path: path).append(["c": 2]))
        let text = try lines().map { String(decoding: $0, as: UTF8.self) }
        #expect(text == [#"{"torn"#, #"{"a": 1}"#, #"{"b": "x\ny"}"#, #"{"c": 2}"#])
        for bad in [folder.path, folder.file("no/such/log"), "/dev/null"] {
            #expect(throws: RouterError.self) { try DecisionLog(path: bad) }
        }
    }

    @Test func `the same policy decides the same`() async throws {
        try await record()
        var simulation = RoutingSimulation(policy: scene.policy)
        for line in try lines() {
            let decision = try simulation.replay(line)
            #expect(!decision.differs, "\(decision)")
        }
        let summary = simulation.summary
        #expect(summary.decisions == 3 && summary.differing == 0)
        #expect(summary.now == summary.then && summary.now.unserved == 2)
        #expect(summary.now.byProvider == ["flaky": 1] && summary.now.costDollars == 0.4 && summary.now.seconds == 20)
        #expect(summary.spentDollars == 0.4 && summary.elapsedSeconds == 2)
    }

    @Test func `another policy decides otherwise, and the sums show it`() async throws {
        try await record()
        var policy = scene.policy
        policy.without = ["flaky"]
        var simulation = RoutingSimulation(policy: policy)
        let decisions = try lines().map { try simulation.replay($0) }
        #expect(decisions.map(\.differs) == [true, false, false])
        #expect(decisions[0].now == nil && decisions[0].then == "flaky")
        policy = scene.policy
        policy.caps[.standard] = RoutingCap(maxCostDollars: 0.1)
        simulation = RoutingSimulation(policy: policy)
        #expect(try lines().map { try simulation.replay($0).now } == [nil, nil, nil])
    }

    @Test func `what is written is read back as it was`() throws {
        var capabilities = ProviderCapabilities(
            provider: "", model: "m\u{1F3A5}", limits: Scene.limits, qualities: [.draft, .premium],
            obstacles: [.init("too \"long\"", parameter: "prompt"), .init("x")],
            estimate: TimeEstimate(queueSeconds: 1, p50: 2.5, p90: 3), marginalCostPerSecond: 0.1,
            amortisedCostPerSecond: 0.2, costDollars: 0.3, isWarm: true)
        capabilities.limits.aspectRatios = [.square, .portrait]
        capabilities.limits.framesPerSecond = 8...24
        let breakers: [CircuitBreaker.Answer] = [
            .allowed, .open(until: 5), .probing, .coolingDown(until: 7), .shutOut(.authentication), .shutOut(.byHand),
        ]
        for (order, breaker) in breakers.enumerated() {
            let survey = ProviderSurvey(
                provider: "p\(order)", order: order,
                answer: order == 1 ? .failed("no answer") : .capabilities(capabilities), breaker: breaker,
                health: order == 2 ? .unavailable(["a", "b"]) : .ready)
            let text = Array(survey.json(at: 0).description.utf8)
            #expect(try ProviderSurvey(JSONFields(JSONValue(text)), order: order) == survey)
        }
        let request = scene.request {
            ($0.width, $0.height, $0.frames, $0.framesPerSecond, $0.steps) = (832, 480, 81, 16, 4)
            ($0.resolution, $0.aspectRatio, $0.durationSeconds) = (.p480, .landscape, 5)
            ($0.maxCostDollars, $0.maxLatencySeconds, $0.seed) = (1, 60, 3)
        }
        var features = RequestFeatures(request)
        features.preferred = ["a", "b"]
        #expect(try RequestFeatures(JSONFields(JSONValue(Array(features.json.description.utf8)))) == features)
    }

    @Test func `damaged lines are errors with a place, and never stop the program`() async throws {
        try await record()
        let lines = try lines()
        var state: UInt64 = 7
        func below(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        let words = ["null", "-1", "1e400", "\"x\"", "[]", "{}", "true", "9223372036854775808", "0.5"].map {
            Array($0.utf8)
        }
        var simulation = RoutingSimulation(policy: RoutingPolicy())
        var refused = 0
        for _ in 0..<400 {
            var line = lines[below(lines.count)]
            switch below(3) {
            case 0: line[below(line.count)] = UInt8(below(256))
            case 1: line.removeSubrange(below(line.count)..<line.count)
            default:
                // A value for another one.
                let colons = line.indices.filter { line[$0] == UInt8(ascii: ":") }
                let start = colons[below(colons.count)] + 1
                let end = line[start...].firstIndex { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "}") } ?? line.count
                line.replaceSubrange(start..<end, with: words[below(words.count)])
            }
            do throws(JSONFieldError) {
                _ = try simulation.replay(line)
            } catch {
                refused += 1
                #expect(!error.message.isEmpty)
            }
        }
        #expect(refused > 200 && refused < 400)
    }

    @Test func `a file is replayed to its first bad line, which is named by its number`() async throws {
        try await record()
        let good = try Data(contentsOf: URL(filePath: path))
        func error(_ text: Data) throws -> String? {
            try text.write(to: URL(filePath: path))
            var simulation = RoutingSimulation(policy: RoutingPolicy())
            do throws(VideoError) {
                try simulation.replay(file: path) { _ in }
                return nil
            } catch {
                return error.message.replacing(path, with: "log")
            }
        }
        #expect(try error(good) == nil && error(Data()) == nil)
        // Without the last line's end, and with empty lines.
        #expect(try error(good.dropLast()) == nil)
        #expect(try error(good + Data("\n\r\n \n".utf8)) == nil)
        #expect(try error(good + Data("{}\n".utf8)) == "log, line 4: version is missing")
        #expect(try error(Data("{\"version\": 2}".utf8)) == "log, line 1: version is 2, this program reads 1")
        let long = Data(repeating: UInt8(ascii: " "), count: 10) + Data(repeating: 0x5B, count: DecisionLine.byteLimit)
        #expect(try error(good + long)?.hasPrefix("log, line 4: the line is longer than") == true)
        // What was torn is no line of the log's.
        for torn in [Data("\u{1}".utf8), Data([0xFF, 0x0A]), Data("{\"version\": 1, \"ti".utf8)] {
            #expect(try error(good + torn) == nil)
        }
    }

    @Test func `a policy is read strictly`() throws {
        let text = """
            {"without": ["a"], "policy_fallbacks": ["b"], "max_attempts": 2, "checks_quality": false,
             "allows_paying_twice": true,
             "price_bucket_factor": 2, "long_queue_seconds": 60, "retry_delay_seconds": 0,
             "content_rules": [{"words": ["cat"], "prefers": ["c"]}],
             "caps": {"draft": {"max_cost_dollars": 0.5, "max_latency_seconds": 30}}}
            """
        let policy = try RoutingPolicy(json: Array(text.utf8))
        var expected = RoutingPolicy()
        expected.without = ["a"]
        expected.policyFallbacks = ["b"]
        expected.maxAttempts = 2
        expected.checksQuality = false
        expected.allowsPayingTwice = true
        expected.priceBucketFactor = 2
        expected.longQueueSeconds = 60
        expected.retryDelaySeconds = 0
        expected.contentRules = [ContentRule(words: ["cat"], prefers: ["c"])]
        expected.caps = [.draft: RoutingCap(maxCostDollars: 0.5, maxLatencySeconds: 30)]
        #expect(policy == expected)
        #expect(try RoutingPolicy(json: Array("{}".utf8)) == RoutingPolicy())
        let errors = [
            (#"{"witout": []}"#, "witout is not known"), (#"{"without": "a"}"#, "without must be a list"),
            (#"{"max_attempts": 0}"#, "max_attempts must be a whole number between 1 and 100"),
            (#"{"hang_factor": 0.5}"#, "hang_factor must be between 1.0 and 1000.0"),
            (#"{"caps": {"best": {}}}"#, "caps.best is not known"), ("[]", "must be an object"),
            (#"{"content_rules": [{"words": ["x"]}]}"#, "content_rules[0].prefers is missing"),
            (#"{"without": [], "without": []}"#, "no JSON at byte 25: the key 'without' appears twice"),
        ]
        for (text, message) in errors {
            let error = #expect(throws: JSONFieldError.self) { try RoutingPolicy(json: Array(text.utf8)) }
            #expect(error?.message == message)
        }
    }
}

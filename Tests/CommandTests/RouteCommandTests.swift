import Foundation
import TestSupport
import TestTools
import Testing
import VideoRouter
import VideoTypes

@testable import wan_infer

/// `route`, and the router's eye on what this program makes.
@Suite(.bounded) struct RouteCommandTests {
    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func provider(_ name: String, _ order: Int, cost: Double, p50: Double) -> String {
        """
        {"provider": "\(name)", "order": \(order), "capabilities": {"model": "m", "limits": {"max_pixels": 921600}, \
        "qualities": ["standard"], "estimate": {"queue_seconds": 0.0, "p50_seconds": \(p50), "p90_seconds": \(2 * p50)}, \
        "cost_dollars": \(cost)}, "breaker": {"state": "closed"}, "health": null}
        """
    }

    /// A decision between a free machine of one's own and a cloud.
    private static func line(_ id: String, chosen: String) -> String {
        let providers = provider("local", 0, cost: 0, p50: 90) + ", " + provider("cloud", 1, cost: 0.5, p50: 20)
        return """
            {"version": 1, "id": "\(id)", "request": {"quality": "standard"}, "options": {}, "surveys": [\(providers)], \
            "attempts": [{"provider": "\(chosen)"}], "spent_dollars": 0.25, "elapsed_seconds": 30.0}
            """
    }

    private func run(_ arguments: String..., log: String, policy: String? = nil) throws -> Subprocess {
        try Data(log.utf8).write(to: URL(fileURLWithPath: folder.file("log.jsonl")))
        if let policy { try Data(policy.utf8).write(to: URL(fileURLWithPath: folder.file("policy.json"))) }
        return try Subprocess(
            Self.program, ["route", "--simulate", "log.jsonl"] + arguments, folder: folder.path)
    }

    private static let log = line("one", chosen: "local") + "\n" + line("two", chosen: "cloud") + "\n"

    @Test func `a log is replayed under the default policy`() throws {
        let result = try run(log: Self.log)
        #expect(result.status == 0 && result.errors.isEmpty)
        #expect(
            result.output == """
                two  cloud, 0.5000 $, 20 s  ->  local, 0 $, 1 min 30 s
                2 decisions, 1 would be different
                then  0.5000 $, 1 min 50 s; cloud 1, local 1
                now   0 $, 3 min 00 s; local 2
                really spent  0.5000 $, 1 min 00 s

                """)
    }

    @Test func `another policy is read from a file`() throws {
        let policy = #"{"caps": {"standard": {"max_latency_seconds": 60}}}"#
        let result = try run("--policy", "policy.json", "--json", log: Self.log, policy: policy)
        #expect(result.status == 0)
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        let summary = object?["summary"] as? [String: Any]
        #expect(summary?["decisions"] as? Int == 2 && summary?["differing"] as? Int == 1)
        #expect((summary?["now"] as? [String: Any])?["cost_dollars"] as? Double == 1)
        let different = object?["different"] as? [[String: Any]]
        #expect(different?.map { $0["id"] as? String } == ["one"])
    }

    @Test func `a torn line is passed over and told, and so is a name that nobody has`() throws {
        let torn = "{\"torn\n" + Self.log + "\0\0\0\n" + Self.line("three", chosen: "local").dropLast(9)
        let policy = #"{"without": ["cloudy"]}"#
        let result = try run("--policy", "policy.json", log: torn, policy: policy)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("2 decisions, 1 would be different\n"))
        #expect(
            result.output.hasSuffix(
                "the policy names 'cloudy', whom no decision of the log knows\n3 lines are no JSON: 1, 4, 5\n"))
        let alone = try run("--json", log: "{\"torn")
        #expect(
            alone.status == 0 && alone.output.contains(#""torn_lines": 1, "first_torn_lines": [1], "decisions": 0"#))
    }

    @Test func `small sums are not rounded to nothing`() throws {
        let result = try run(log: Self.log.replacing(#""cost_dollars": 0.5"#, with: #""cost_dollars": 0.000021"#))
        #expect(result.output.contains("0.000021 $"), "\(result.output)")
    }

    @Test func `what has no price is told apart from the sum`() throws {
        let policy = #"{"without": ["local"]}"#
        let log = Self.log.replacing(#""cost_dollars": 0.5"#, with: #""cost_dollars": null"#)
        let result = try run("--policy", "policy.json", log: log, policy: policy)
        #expect(result.output.contains("now   0 $ and 2 without a price, "), "\(result.output)")
        #expect(!result.output.contains("inf"), "\(result.output)")
    }

    @Test func `what is no log or no policy is an error with its place`() throws {
        let errors = [
            (try run(log: Self.log + "{}\n"), "log.jsonl, line 3: version is missing"),
            (
                try run("--policy", "policy.json", log: "", policy: "{\"witout\": 1}"),
                "policy.json: witout is not known"
            ),
            (try run("--policy", "none.json", log: ""), "cannot read the policy none.json"),
            (try Subprocess(Self.program, ["route"]), "route needs a configuration"),
            (try Subprocess(Self.program, ["route", "--simulate", "/no/such"]), "cannot read /no/such"),
            (try Subprocess(Self.program, ["route", "--simulate", "/"]), "cannot read /: Is a directory"),
            (try Subprocess(Self.program, ["--simulate", "x"]), "--simulate does not belong to 'generate'"),
        ]
        for (result, message) in errors {
            #expect(result.status == 2 && result.output.isEmpty)
            #expect(result.errors.contains(message), "\(result.errors)")
        }
    }

    @Test(arguments: ["a red circle moves from left to right", "a white star stays still on a white background"])
    func `clips of the built-in model pass the quality gate`(_ prompt: String) throws {
        let made = try Subprocess(Self.program, ["--quiet", "--seed", "8", prompt], folder: folder.path)
        #expect(made.status == 0, "\(made.errors)")
        let judgement = QualityGate().judge(
            folder.file("out.mp4"), ClipExpectation(width: 96, height: 96, frames: 17, durationSeconds: 2))
        #expect(judgement.verdict == .good && judgement.warnings.isEmpty, "\(judgement.json)")
    }
}

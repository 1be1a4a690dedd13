import Foundation
import HTTPClient
import Media
import StrictJSON
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// A vision model that judges finished clips.
@Suite(.bounded, .needs("ffmpeg")) struct ClipScorerTests {
    private let folder: TemporaryFolder
    private let scene = Scene()

    init() throws { folder = try TemporaryFolder() }

    private func clip() throws -> String {
        let settings = VideoSettings(
            prompts: Prompts(positive: ""), clip: ClipShape(width: 64, height: 48, frames: 9, framesPerSecond: 16),
            sampling: SamplingSettings(scheduler: .euler, levels: .steps(1), shift: 1, guidance: [1], seed: 1))
        let path = folder.file("clip.mp4")
        let writer = try MP4Writer(
            path: path, width: 64, height: 48, framesPerSecond: 16,
            metadata: ClipMetadata(settings: settings, model: "", backend: "", dtype: ""))
        for index in 0..<9 {
            let pixels = (0..<64 * 48 * 3).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index * 20) }
            try writer.append(Frame(width: 64, height: 48, pixels: pixels))
        }
        _ = try writer.finish()
        return path
    }

    private func keyFile() throws -> String {
        let path = folder.file("key")
        try #require(
            FileManager.default.createFile(
                atPath: path, contents: Data("a-secret-key".utf8), attributes: [.posixPermissions: 0o600]))
        return path
    }

    private static func answer(_ text: String) -> ScriptedServer.Reply {
        .init(
            200, [:],
            JSONText.object([
                ("choices", .array([.object([("message", .object([("content", .string(text))]))])]))
            ]).description)
    }

    private func scorer(
        _ server: ScriptedServer, _ change: (inout ClipScorerOptions) -> Void = { _ in }
    ) throws -> ClipScorer {
        var options = ClipScorerOptions(url: server.url + "/v1", model: "eyes")
        change(&options)
        return try ClipScorer(options)
    }

    @Test func `the model is shown frames from first to last, and its points are read`() async throws {
        let server = try ScriptedServer { _ in Self.answer("```json\n{\"score\": 83.5}\n```") }
        let path = try clip()
        #expect(try await scorer(server).score(path, prompt: "a \"ball\"\nrolls") == .points(83.5))
        let request = try #require(server.requests.first)
        #expect(request.method == "POST" && request.target == "/v1/chat/completions")
        #expect(request.headers["authorization"] == nil)
        let body = try JSONValue(request.body)
        #expect(body.value(at: ["model"])?.plainText == "eyes")
        let content = try #require(body.value(at: ["messages", "0", "content"])?.elements)
        #expect(content.count == 5)
        #expect(content[0].value(at: ["text"])?.plainText?.contains("\n-----\na \"ball\"\nrolls\n-----\n") == true)
        let pictures = try content.dropFirst().map { part in
            let link = try #require(part.value(at: ["image_url", "url"])?.plainText)
            return try #require(Base64.decode(String(link.dropFirst("data:image/png;base64,".count))))
        }
        #expect(Set(pictures.map { Data($0) }).count == 4)
        #expect(pictures.allSatisfy { $0[16..<24] == [0, 0, 0, 64, 0, 0, 0, 48] })
    }

    @Test(arguments: [
        ("{\"score\": 101}", "gave no score"), ("{\"score\": -1}", "gave no score"), ("ninety", "gave no score"),
        ("{\"score\": \"NaN\"}", "gave no score"), ("}{", "gave no score"), ("", "gave no score"),
    ])
    func `what is no score is none, with a reason`(text: String, reason: String) async throws {
        let server = try ScriptedServer { _ in Self.answer(text) }
        guard case .none(let found) = try await scorer(server).score(try clip(), prompt: "x") else {
            Issue.record("a score of '\(text)'")
            return
        }
        #expect(found.contains(reason), "\(found)")
    }

    @Test func `a server that fails, or repeats the key, costs a score and nothing else`() async throws {
        let key = try keyFile()
        let replies: [ScriptedServer.Reply] = [
            .init(500), .init(200, [:], "<html>"), .init(200, [:], "{}"), .init(302, ["Location": "http://127.0.0.1/"]),
            Self.answer("the key is a-secret-key"), .init(raw: "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n{"),
        ]
        let left = Mutex(replies)
        let server = try ScriptedServer { _ in left.withLock { $0.removeFirst() } }
        let scorer = try scorer(server) { $0.key = .file(key) }
        let path = try clip()
        for _ in replies {
            guard case .none(let reason) = await scorer.score(path, prompt: "x") else {
                Issue.record("a score of nothing")
                continue
            }
            #expect(!reason.contains("a-secret-key"), "\(reason)")
        }
        #expect(server.requests.allSatisfy { $0.headers["authorization"] == "Bearer a-secret-key" })
        guard case .none = await scorer.score(folder.file("none.mp4"), prompt: "x") else {
            Issue.record("a score of no clip")
            return
        }
        #expect(server.requests.count == replies.count)
        #expect(!"\(scorer)".contains("a-secret-key"))
    }

    @Test func `a scorer that cannot be is refused before anything is asked`() throws {
        func error(_ url: String, _ change: (inout ClipScorerOptions) -> Void = { _ in }) -> RouterError? {
            var options = ClipScorerOptions(url: url, model: "m")
            change(&options)
            do throws(RouterError) {
                _ = try ClipScorer(options)
                return nil
            } catch {
                return error
            }
        }
        #expect(error("ftp://x")?.code == .configuration && error("http://a b")?.code == .configuration)
        #expect(error("http://127.0.0.1:1/v1") { $0.frames = 0 } != nil)
        #expect(error("http://127.0.0.1:1/v1") { $0.side = 4096 } != nil)
        #expect(error("http://127.0.0.1:1/v1") { $0.seconds = .nan } != nil)
        let key = try keyFile()
        let plain = error("http://example.org/v1") { $0.key = .file(key) }
        #expect(plain?.message.contains("not sent over http") == true)
        #expect(error("http://example.org/v1") == nil)
    }

    private func router(
        _ providers: [any VideoProvider], _ scorer: ClipScorer?, memory: (any RouterMemory)? = nil,
        log: DecisionLog? = nil
    ) throws -> VideoRouter {
        try VideoRouter(
            providers, policy: scene.policy, promises: nil, memory: memory, log: log, scorer: scorer,
            clock: scene.clock.routerClock, random: { 0.5 }, gate: { _, _ in ClipJudgement(.good) })
    }

    @Test func `the score is in the result and the log, and without a scorer nobody is asked`() async throws {
        let server = try ScriptedServer { _ in Self.answer(#"{"score": 40}"#) }
        let path = try clip()
        let provider = StillProvider(path: path)
        let log = try DecisionLog(path: folder.file("log.jsonl"))
        let made = try await router([provider], try scorer(server), log: log).clip(VideoRequest(prompt: "x"))
        #expect("\(made.metadata["score"] ?? .null)" == #"{"points": 40.0}"#)
        let line = try JSONValue(Array(try Data(contentsOf: URL(filePath: folder.file("log.jsonl")))))
        #expect(line.value(at: ["outcome", "score", "points"])?.plainNumber == 40)
        #expect(line.value(at: ["surveys", "0", "score"])?.plainNumber == 60)
        let without = try await router([provider], nil).clip(VideoRequest(prompt: "x"))
        #expect(without.metadata["score"] == nil && server.requests.count == 1)
    }

    @Test func `scores part equals, slowly, and outlive a restart`() async throws {
        let key = BreakerBoard.Key(provider: "a", model: "m")
        var board = BreakerBoard()
        board.scores.learn(key, 100)
        #expect(board.scores[key] == 62)
        board.scores.learn(key, .nan)
        board.scores.learn(key, 1000)
        #expect(board.scores[key] == 62)
        let saved = try BreakerBoard(try board.saved(scene.clock.routerClock), scene.clock.routerClock)
        #expect(saved.scores == board.scores)
        board.reset("a")
        #expect(board.scores.isEmpty)
    }

    @Test func `a few bad clips turn nobody away, many give an equal the right of way, and price still goes first`() {
        func first(_ scores: [Double], cost: Double = 0) -> String? {
            var board = ScoreBoard()
            let key = BreakerBoard.Key(provider: "usual", model: "m")
            for score in scores { board.learn(key, score) }
            let surveys = [("usual", 0.0, board[key]), ("other", cost, ScoreBoard.start)].enumerated().map {
                order, entry in
                ProviderSurvey(
                    provider: entry.0, order: order,
                    answer: .capabilities(
                        ProviderCapabilities(
                            provider: entry.0, model: "m", limits: Scene.limits,
                            estimate: TimeEstimate(queueSeconds: 0, p50: 30, p90: 60), costDollars: entry.1)),
                    breaker: .allowed, health: .ready, score: entry.2)
            }
            let request = VideoRequest(prompt: "x")
            return Ranker(
                policy: RoutingPolicy(), features: RequestFeatures(request), options: RoutingOptions(), requestID: "id"
            ).rank(surveys, RoutingSituation(now: 0)).best?.provider
        }
        #expect(first([]) == "usual")
        #expect(first([0]) == "usual")
        #expect(first(Array(repeating: 20, count: 3)) == "other")
        #expect(first(Array(repeating: 20, count: 30), cost: 1) == "usual")
        #expect(first(Array(repeating: 90, count: 30)) == "usual")
    }
}

/// Has one clip for everybody.
private struct StillProvider: VideoProvider {
    let path: String
    let name = "still"

    func capabilities(for request: VideoRequest) async throws(ProviderError) -> ProviderCapabilities {
        ProviderCapabilities(provider: name, model: "m", limits: Scene.limits)
    }

    func generate(
        _ request: VideoRequest, progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(ProviderError) -> VideoResult {
        VideoResult(
            path: path, provider: name, model: "m", durationSeconds: 9 / 16, frames: 9, width: 64, height: 48,
            costDollars: 0, latencySeconds: 1)
    }

    func healthCheck() async -> ProviderHealth { .ready }

    func cancel(_ id: VideoRequest.ID) async {}
}

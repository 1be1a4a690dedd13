import Foundation
import Media
import Synchronization
import TestSupport
import TestTools
import VideoTypes

/// A server of OpenAI's video API that does what a test tells it to.
final class FakeVideoServer: Sendable {
    struct State {
        /// Answers in front of the usual ones, by "METHOD path": each is given once.
        var accidents: [String: [ScriptedServer.Reply]] = [:]
        /// How often a clip is looked at before it is finished.
        var looks = 2
        var video: [String: String] = [:]
        var capabilities: String?
        var ready: ScriptedServer.Reply?
        var clip: [UInt8] = []
        var made: [String: Int] = [:]
        /// What its list of clips holds, as JSON; nil where it has no list.
        var list: String?
        var isStopped = false
    }

    /// What the server's closure and the test both see.
    private final class Shared: Sendable {
        let value: Mutex<State>
        init(_ state: sending State) { value = Mutex(state) }
    }

    private let shared: Shared
    private let server: ScriptedServer

    /// - Parameter capabilities: the JSON text of our own server's; nil for a server of another kind.
    init(capabilities: String? = nil) throws {
        let shared = Shared(State(capabilities: capabilities, clip: try Self.clip()))
        self.shared = shared
        server = try ScriptedServer { request in shared.value.withLock { Self.answer(request, &$0) } }
    }

    var url: String { server.url + "/v1" }

    var requests: [ScriptedServer.Request] { server.requests }

    /// "METHOD path" of all calls so far.
    var calls: [String] { requests.map { "\($0.method) \($0.target)" } }

    var created: ScriptedServer.Request? { requests.first { $0.method == "POST" && $0.target == "/v1/videos" } }

    func change(_ body: (inout State) -> Void) { shared.value.withLock { body(&$0) } }

    func read<Value: Sendable>(_ body: (State) -> Value) -> Value { shared.value.withLock { body($0) } }

    func first(_ call: String, _ replies: ScriptedServer.Reply...) { change { $0.accidents[call] = replies } }

    private static func answer(_ request: ScriptedServer.Request, _ state: inout State) -> ScriptedServer.Reply {
        let call = "\(request.method) \(request.target.prefix { $0 != "?" })"
        if var replies = state.accidents[call], !replies.isEmpty {
            let reply = replies.removeFirst()
            state.accidents[call] = replies
            return reply
        }
        switch call {
        case "POST /v1/videos":
            let name = request.headers["idempotency-key"] ?? "none"
            state.made[name, default: 0] += 1
            return video("queued", state, [:])
        case "GET /v1/videos/video_1":
            if state.isStopped {
                return video("failed", state, [:], #", "error": {"code": "cancelled", "message": ""}"#)
            }
            state.looks -= 1
            return state.looks <= 0
                ? video("completed", state, state.video) : video("in_progress", state, [:], #", "progress": 40"#)
        case "GET /v1/videos/video_1/content": return .init(200, [:], body: state.clip)
        case "POST /v1/videos/video_1/cancel" where state.capabilities != nil, "DELETE /v1/videos/video_1":
            state.isStopped = true
            return video("failed", state, [:])
        case "GET /v1/capabilities":
            return state.capabilities.map { .init(200, [:], $0) } ?? .init(404, [:], "{}")
        case "GET /v1/videos":
            return state.list.map { .init(200, [:], "{\"data\": [\($0)]}") } ?? .init(404, [:], "{}")
        case "GET /v1/models": return .init(200, [:], #"{"object": "list", "data": []}"#)
        case "GET /ready": return state.ready ?? .init(404)
        default: return .init(404, [:], #"{"error": {"message": "no such thing", "code": "not_found"}}"#)
        }
    }

    private static func video(
        _ status: String, _ state: State, _ fields: [String: String], _ more: String = ""
    ) -> ScriptedServer.Reply {
        let members = fields.map { ", \"\($0)\": \($1)" }.joined()
        return .init(
            200, ["openai-poll-after-ms": "1"],
            "{\"id\": \"video_1\", \"object\": \"video\", \"status\": \"\(status)\"\(more)\(members)}")
    }

    /// 9 frames of 64x48 at 16 a second.
    private static func clip() throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let settings = VideoSettings(
            prompts: Prompts(positive: ""),
            clip: ClipShape(width: 64, height: 48, frames: 9, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .euler, levels: .steps(1), shift: 1, guidance: [1], seed: 1))
        let writer = try MP4Writer(
            path: folder.file("clip.mp4"), width: 64, height: 48, framesPerSecond: 16,
            metadata: ClipMetadata(settings: settings, model: "", backend: "", dtype: ""))
        for index in 0..<9 {
            let pixels = (0..<64 * 48 * 3).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ index * 20) }
            try writer.append(Frame(width: 64, height: 48, pixels: pixels))
        }
        _ = try writer.finish()
        return Array(try Data(contentsOf: URL(fileURLWithPath: folder.file("clip.mp4"))))
    }

    /// What `wan-infer serve` says, in short.
    static let ours = """
        {"provider": "local", "model": "wan-x", "limits": {"max_duration_seconds": 5, "max_pixels": 409600,
        "size_step": 16, "frame_step": 4, "max_prompt_bytes": 100, "makes_audio": false, "max_reference_images": 0},
        "qualities": ["draft", "standard"], "is_warm": true, "is_ready": true, "queue_depth": 3,
        "clip": {"queue_seconds": 10.5, "eta_seconds_p50": 40, "eta_seconds_p90": 60, "cost_dollars": 0.002,
        "would_be_accepted": true, "refusal": null}, "marginal_cost_per_second": 0.001,
        "amortised_cost_per_second": 0.01}
        """
}

import Foundation
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

@Suite(.bounded) struct RemoteProviderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func remote(
        _ server: FakeVideoServer, _ change: (inout RemoteProviderOptions) -> Void = { _ in }
    ) throws -> RemoteVideoProvider {
        var options = RemoteProviderOptions(name: "cloud", url: server.url, folder: folder.path)
        options.dollarsPerSecond = 0.1
        options.latencyPerSecond = 10
        change(&options)
        return try RemoteVideoProvider(options, book: OrderBook(), pollSeconds: 0.02)
    }

    private func request(_ change: (inout VideoRequest) -> Void = { _ in }) -> VideoRequest {
        var request = VideoRequest(prompt: "a red ball")
        change(&request)
        return request
    }

    private func error(
        _ provider: RemoteVideoProvider, _ request: VideoRequest
    ) async -> ProviderError? {
        do throws(ProviderError) {
            _ = try await provider.generate(request) { _ in }
            return nil
        } catch {
            return error
        }
    }

    // MARK: A clip

    @Test func `a clip is ordered, watched and brought, and says what it really is`() async throws {
        let server = try FakeVideoServer()
        server.change { $0.looks = 3 }
        let provider = try remote(server) { $0.model = "sora-x" }
        let told = Mutex<[VideoProgress]>([])
        let result = try await provider.generate(request { $0.durationSeconds = 4 }) { progress in
            told.withLock { $0.append(progress) }
        }
        #expect(result.provider == "cloud" && result.model == "sora-x")
        #expect(result.frames == 9 && result.width == 64 && result.height == 48 && !result.hasAudio)
        // The price is that of what came, not of the four seconds asked for.
        #expect(abs(result.durationSeconds - 9.0 / 16) < 0.01)
        #expect(abs(result.costDollars - 0.1 * result.durationSeconds) < 1e-9)
        #expect(told.withLock { $0 } == [VideoProgress(stage: .denoise, completed: 40, total: 100)])
        #expect(try folder.names.count == 1 && result.path.hasPrefix(folder.path))
        let text = try #require(server.created).text
        for (name, value) in [("prompt", "a red ball"), ("model", "sora-x"), ("seconds", "4")] {
            #expect(text.contains("name=\"\(name)\"\r\n\r\n\(value)\r\n"))
        }
        #expect(!text.contains("quality") && !text.contains("filename"))
    }

    @Test func `our own server is known by its capabilities and is sent all fields`() async throws {
        let server = try FakeVideoServer(capabilities: FakeVideoServer.ours)
        server.change {
            $0.video = ["cost_dollars": "0.0004", "seed": "7", "model": "\"wan-x\"", "size": "\"64x48\""]
        }
        let provider = try remote(server)
        let wanted = request {
            $0.seed = UInt64.max
            $0.quality = .draft
            $0.steps = 4
            $0.negativePrompt = "blur"
            $0.frames = 17
            $0.framesPerSecond = 16
            $0.resolution = .p480
            $0.aspectRatio = .square
            $0.extras = ["a": .object([("b", .array([1, "x"]))])]
        }
        let result = try await provider.generate(wanted) { _ in }
        #expect(result.costDollars == 0.0004 && result.model == "wan-x" && result.metadata["seed"] == .integer(7))
        let text = try #require(server.created).text
        for (name, value) in [
            ("seed", "4294967295"), ("quality", "draft"), ("num_inference_steps", "4"), ("negative_prompt", "blur"),
            ("num_frames", "17"), ("fps", "16"), ("size", "480x480"), ("extras[a][b][]", "1"),
        ] {
            #expect(text.contains("name=\"\(name)\"\r\n\r\n\(value)\r\n"), "\(name)")
        }
        #expect(!text.contains("\"seconds\""))
    }

    @Test func `a reference picture goes along as a file`() async throws {
        let server = try FakeVideoServer()
        let provider = try remote(server) { $0.limits.maxReferenceImages = 1 }
        let picture = ReferenceImage(bytes: [1, 2, 3], format: .png)
        _ = try await provider.generate(request { $0.referenceImages = [picture] }) { _ in }
        let text = try #require(server.created).text
        #expect(text.contains("name=\"input_reference\"; filename=\"reference.png\"\r\nContent-Type: image/png\r\n"))
        #expect(
            await error(try remote(server), request { $0.referenceImages = [picture] })?.name == "bad_request")
        let last = ReferenceImage(bytes: [1, 2, 3], format: .png, role: .last)
        let found = try await provider.capabilities(for: request { $0.referenceImages = [last] })
        #expect(found.obstacles.map(\.parameter) == ["reference_images"])
    }

    // MARK: Limits instead of silent clamps

    private static let unfit: [(String, @Sendable (inout VideoRequest) -> Void)] = [
        ("duration", { $0.durationSeconds = 5 }), ("duration", { $0.durationSeconds = .nan }),
        ("duration", { $0.durationSeconds = 1e300 }),
        ("resolution", { ($0.width, $0.height) = (1920, 1080) }), ("resolution", { $0.resolution = .p1080 }),
        ("resolution", { ($0.width, $0.height) = (Int.max, Int.max) }),
        ("resolution", { $0.aspectRatio = .square }),
        ("audio", { $0.wantsAudio = true }), ("seed", { $0.seed = 1 }),
        ("negative_prompt", { $0.negativePrompt = "x" }),
        ("num_frames", { $0.frames = 17 }), ("scheduler", { $0.scheduler = .euler }), ("sigmas", { $0.sigmas = [1] }),
        ("prompt", { $0.prompt = String(repeating: "x", count: 70_000) }),
    ]

    @Test(arguments: unfit)
    func `what the server would not do as asked is an obstacle, and is not ordered`(
        _ parameter: String, _ change: @Sendable (inout VideoRequest) -> Void
    ) async throws {
        let server = try FakeVideoServer()
        let provider = try remote(server) {
            $0.sizes = [.init(width: 1280, height: 720), .init(width: 720, height: 1280)]
            $0.durationsSeconds = [4, 8, 12]
        }
        let found = try await provider.capabilities(for: request(change))
        #expect(found.obstacles.map(\.parameter) == [parameter])
        guard case .badRequest(_, parameter) = await error(provider, request(change)) else {
            Issue.record("\(parameter) was not refused")
            return
        }
        #expect(server.created == nil)
    }

    @Test func `sizes in words become sizes that the server makes`() async throws {
        let server = try FakeVideoServer()
        let provider = try remote(server) {
            $0.sizes = [.init(width: 1280, height: 720), .init(width: 720, height: 1280)]
        }
        _ = try await provider.generate(
            request {
                $0.resolution = .p720
                $0.aspectRatio = .portrait
            }
        ) { _ in }
        #expect(server.created?.text.contains("\"size\"\r\n\r\n720x1280\r\n") == true)
    }

    // MARK: Capabilities and health

    @Test func `capabilities of our own server are what it says now`() async throws {
        let server = try FakeVideoServer(capabilities: FakeVideoServer.ours)
        let provider = try remote(server)
        let found = try await provider.capabilities(for: request { $0.durationSeconds = 2.5 })
        #expect(found.provider == "cloud" && found.model == "wan-x" && found.isWarm && found.obstacles.isEmpty)
        #expect(found.estimate == TimeEstimate(queueSeconds: 10.5, p50: 40, p90: 60))
        #expect(found.costDollars == 0.002 && found.amortisedCostPerSecond == 0.01)
        #expect(found.qualities == [.draft, .standard] && found.limits.maxDurationSeconds == 5)
        #expect(server.calls.last == "GET /v1/capabilities?seconds=2.5&quality=standard")
        let long = try await provider.capabilities(for: request { $0.durationSeconds = 6 })
        #expect(long.obstacles.map(\.parameter) == ["duration"])
        server.change {
            $0.capabilities = FakeVideoServer.ours.replacing(
                "\"would_be_accepted\": true, \"refusal\": null",
                with: "\"would_be_accepted\": false, \"refusal\": \"the queue is full\"")
        }
        let full = try await provider.capabilities(for: request())
        #expect(full.obstacles == [.init("the queue is full")])
    }

    @Test func `capabilities of others are what was configured`() async throws {
        let server = try FakeVideoServer()
        let provider = try remote(server) { $0.qualities = [.premium] }
        let found = try await provider.capabilities(for: request { $0.durationSeconds = 8 })
        #expect(found.estimate == TimeEstimate(queueSeconds: 0, p50: 80, p90: 160) && found.qualities == [.premium])
        #expect(abs(found.costDollars - 0.8) < 1e-9 && found.marginalCostPerSecond == 0.1)
        _ = try await provider.capabilities(for: request())
        // It is asked only once whether it is ours.
        #expect(server.calls == ["GET /v1/capabilities"])
    }

    @Test func `health is readiness, or that models can be listed`() async throws {
        let server = try FakeVideoServer()
        let provider = try remote(server)
        #expect(await provider.healthCheck() == .ready)
        server.change { $0.ready = .init(503, [:], #"{"status": "unavailable", "reasons": ["no disk"]}"#) }
        #expect(await provider.healthCheck() == .unavailable(["no disk"]))
        server.change { $0.ready = .init(200) }
        #expect(await provider.healthCheck() == .ready)
        server.change { $0.ready = nil }
        server.first("GET /v1/models", .init(401, [:], "{}"))
        #expect(await provider.healthCheck() == .unavailable(["the server refuses the key"]))
        let nobody = try RemoteVideoProvider(
            RemoteProviderOptions(name: "x", url: "http://127.0.0.1:1/v1", folder: folder.path))
        #expect(await !nobody.healthCheck().isReady)
    }

    // MARK: Errors

    private static let refusals: [(Int, String, ProviderError)] = [
        (400, "content_policy_violation", .contentPolicy("no")), (403, "moderation_blocked", .contentPolicy("no")),
        (400, "invalid_value", .badRequest("no", parameter: "size")), (404, "x", .badRequest("no", parameter: "size")),
        (422, "", .badRequest("no", parameter: "size")), (413, "", .badRequest("no", parameter: "size")),
        (401, "invalid_api_key", .authentication("the server refuses the key")),
        (403, "", .authentication("the server refuses the key")), (402, "", .quota(retryAfterSeconds: 7)),
        (429, "insufficient_quota", .quota(retryAfterSeconds: 7)), (429, "queue_full", .capacity(retryAfterSeconds: 7)),
        (503, "", .capacity(retryAfterSeconds: 7)), (500, "", .server("no")), (507, "", .server("no")),
        (302, "", .server("the server sends elsewhere: its address is wrong")),
    ]

    @Test(arguments: refusals) func `a refusal is an error by status and code`(
        _ status: Int, _ code: String, _ expected: ProviderError
    ) async throws {
        let server = try FakeVideoServer()
        let body = "{\"error\": {\"message\": \"no\", \"param\": \"size\", \"code\": \"\(code)\", \"type\": \"t\"}}"
        server.first("POST /v1/videos", .init(status, ["Retry-After": "7"], body))
        #expect(await error(try remote(server), request()) == expected)
    }

    @Test(arguments: ["{}", "{\"error\": 5}", "{\"error\": {\"code\": 5}}", "{\"detail\": [1]}"])
    func `a refusal in another form is one all the same`(_ body: String) async throws {
        let server = try FakeVideoServer()
        server.first("POST /v1/videos", .init(500, [:], body))
        #expect(await error(try remote(server), request()) == .server("the server answered 500"))
    }

    @Test func `how long to wait is told in seconds, milliseconds or a date`() {
        #expect(HTTPDate.seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        #expect(HTTPDate.seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0)
        #expect(HTTPDate.seconds("Thu, 29 Feb 2024 12:00:00 GMT") == 1_709_208_000)
        for text in [
            "", "Sun, 06 Nov 1994 08:49:37", "a b c d e GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "x, 1 Jan 1 : GMT",
        ] {
            #expect(HTTPDate.seconds(text) == nil)
        }
    }

    @Test func `a job that failed tells why`() async throws {
        let server = try FakeVideoServer()
        for (code, expected) in [
            ("moderation_blocked", ProviderError.contentPolicy("no")), ("cancelled", .cancelled),
            ("invalid_request", .badRequest("no", parameter: nil)), ("out_of_memory", .server("no")),
        ] {
            server.first(
                "GET /v1/videos/video_1",
                .init(
                    200, [:], #"{"id": "video_1", "status": "failed", "error": {"code": "\#(code)", "message": "no"}}"#)
            )
            #expect(await error(try remote(server), request()) == expected)
        }
    }

    @Test func `a file that is no video is corrupt and does not stay`() async throws {
        let server = try FakeVideoServer()
        server.change { $0.clip = Array("<html>sorry</html>".utf8) }
        #expect(await error(try remote(server), request()) == .corruptOutput("the file that came is not a video"))
        #expect(try folder.names.isEmpty)
    }

    @Test func `a clip over the limit is not brought`() async throws {
        let server = try FakeVideoServer()
        let provider = try remote(server) { $0.maxClipBytes = 100 }
        guard case .corruptOutput = await error(provider, request()) else {
            Issue.record("the clip came")
            return
        }
        #expect(try folder.names.isEmpty)
    }

    // MARK: A connection that breaks

    @Test func `looks and downloads that fail are repeated, orders are not`() async throws {
        let server = try FakeVideoServer()
        server.first("GET /v1/videos/video_1", .init(raw: ""), .init(503, ["Retry-After": "0"]))
        server.first("GET /v1/videos/video_1/content", .init(raw: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"))
        _ = try await remote(server).generate(request()) { _ in }
        #expect(server.calls.filter { $0 == "POST /v1/videos" }.count == 1)
        server.first("POST /v1/videos", .init(raw: ""))
        #expect(await error(try remote(server), request())?.name == "outcome_unknown")
        #expect(server.calls.filter { $0 == "POST /v1/videos" }.count == 2)
    }

    @Test func `a request that broke off is taken up again where it was`() async throws {
        let server = try FakeVideoServer()
        server.change { $0.looks = 10 }
        let broken = Array(repeating: ScriptedServer.Reply(raw: ""), count: 12)
        server.change { $0.accidents["GET /v1/videos/video_1"] = broken }
        let provider = try remote(server)
        let request = request()
        #expect(await error(provider, request)?.name == "transport")
        server.change { $0.looks = 1 }
        _ = try await provider.generate(request) { _ in }
        #expect(server.read { $0.made.values.map { $0 } } == [1])
        #expect(!server.calls.contains("DELETE /v1/videos/video_1"))
    }

    @Test func `the same request keeps its key, other providers have their own`() async throws {
        let server = try FakeVideoServer()
        let request = request()
        for name in ["one", "one", "two"] {
            server.first("POST /v1/videos", .init(500))
            let provider = try remote(server) { $0.name = name }
            _ = await error(provider, request)
        }
        let keys = server.requests.filter { $0.method == "POST" }.compactMap { $0.headers["idempotency-key"] }
        #expect(keys.count == 3 && keys[0] == keys[1] && keys[1] != keys[2])
        #expect(keys.allSatisfy { $0.utf8.count <= 255 && !$0.contains(request.id) })
    }

    @Test func `the same request twice at the same time is one clip`() async throws {
        let server = try FakeVideoServer()
        server.change { $0.looks = 4 }
        let provider = try remote(server)
        let request = request()
        async let first = provider.generate(request) { _ in }
        async let second = provider.generate(request) { _ in }
        let paths = try await [first.path, second.path]
        #expect(paths[0] == paths[1])
        #expect(server.calls.filter { $0 == "POST /v1/videos" }.count == 1)
    }

    // MARK: Cancelling and limits of time

    private func wait(_ condition: @Sendable () async -> Bool) async throws {
        #expect(try await becomesTrue(condition))
    }

    @Test(arguments: [false, true]) func `a cancelled task stops the clip over there`(_ isOurs: Bool) async throws {
        let server = try FakeVideoServer(capabilities: isOurs ? FakeVideoServer.ours : nil)
        server.change { $0.looks = 100_000 }
        let provider = try remote(server)
        let request = request()
        let task = Task { try await provider.generate(request) { _ in } }
        try await wait { server.calls.contains("GET /v1/videos/video_1") }
        task.cancel()
        await #expect(throws: ProviderError.cancelled) { try await task.value }
        try await wait { server.read { $0.isStopped } }
        #expect(server.calls.contains(isOurs ? "POST /v1/videos/video_1/cancel" : "DELETE /v1/videos/video_1"))
    }

    @Test func `one who leaves does not take the clip from another`() async throws {
        let server = try FakeVideoServer()
        server.change { $0.looks = 100_000 }
        let provider = try remote(server)
        let request = request()
        let stays = Task { try await provider.generate(request) { _ in } }
        try await wait { server.calls.contains("GET /v1/videos/video_1") }
        let leaves = Task { try await provider.generate(request) { _ in } }
        try await Task.sleep(for: .milliseconds(20))
        leaves.cancel()
        await #expect(throws: ProviderError.cancelled) { try await leaves.value }
        server.change { $0.looks = 1 }
        #expect(try await stays.value.frames == 9)
        #expect(!server.read { $0.isStopped })
    }

    @Test func `cancelling by id ends all who wait`() async throws {
        let server = try FakeVideoServer()
        server.change { $0.looks = 100_000 }
        let provider = try remote(server)
        let request = request()
        let task = Task { try await provider.generate(request) { _ in } }
        try await wait { server.calls.contains("GET /v1/videos/video_1") }
        await provider.cancel("another")
        await provider.cancel(request.id)
        await #expect(throws: ProviderError.cancelled) { try await task.value }
        try await wait { server.read { $0.isStopped } }
    }

    @Test func `deadline and give-up time end the wait and the clip`() async throws {
        for isDeadline in [true, false] {
            // Time enough to place the order, on whatever machine.
            for seconds in [0.3, 3, 30] {
                let server = try FakeVideoServer()
                server.change { $0.looks = 100_000 }
                let provider = try remote(server) { if !isDeadline { $0.giveUpSeconds = seconds } }
                let found = await error(provider, request { if isDeadline { $0.maxLatencySeconds = seconds } })
                let isPlaced = server.calls.contains("GET /v1/videos/video_1")
                guard isPlaced || seconds == 30 else { continue }
                #expect(found == (isDeadline ? .deadline : .timeout("the clip did not come within \(seconds) s")))
                #expect(server.read { $0.isStopped })
                break
            }
        }
    }

    // MARK: Keys

    @Test func `the key is sent, and shown nowhere`() async throws {
        let secret = "sk-very-secret-1"
        let server = try FakeVideoServer()
        let path = folder.file("key")
        try Data("\(secret)\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: RouterError.self) { try remote(server) { $0.key = .file(path) } }
        unsafe chmod(path, 0o600)
        let provider = try remote(server) { $0.key = .file(path) }
        server.first(
            "POST /v1/videos", .init(500, [:], #"{"error": {"message": "bad key \#(secret)", "code": "x"}}"#))
        let found = try #require(await error(provider, request()))
        #expect(found == .server("the server answered 500"))
        #expect(server.requests.allSatisfy { $0.headers["authorization"] == "Bearer " + secret })
        var shown = ""
        dump(provider, to: &shown, maxDepth: 12)
        #expect(!shown.contains(secret) && !"\(provider.server)".contains(secret))
    }

    @Test func `what is no key is refused at once`() throws {
        let server = try FakeVideoServer()
        for text in ["", "\n", "two words", "käse", "a\0b"] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file("key")))
            unsafe chmod(folder.file("key"), 0o600)
            #expect(throws: RouterError.self) { try remote(server) { $0.key = .file(folder.file("key")) } }
        }
        #expect(throws: RouterError.self) { try remote(server) { $0.key = .file(folder.path) } }
        #expect(throws: RouterError.self) { try remote(server) { $0.key = .environment("NO_SUCH_VARIABLE_1") } }
        // One that is there: to set another would race with whoever reads the environment meanwhile.
        let variable = "PATH"
        _ = try remote(server) { $0.key = .environment(variable) }
        // Not in the clear to another machine.
        #expect(throws: RouterError.self) {
            try remote(server) {
                $0.key = .environment(variable)
                $0.url = "http://example.org/v1"
            }
        }
    }

    @Test(arguments: ["", "ftp://x/v1", "http://x/v1?a=b", "http://user@x/v1", "x"])
    func `what is no address is refused at once`(_ url: String) {
        #expect(throws: RouterError.self) {
            try RemoteVideoProvider(RemoteProviderOptions(name: "x", url: url, folder: "/tmp"))
        }
    }

    private func readme() throws -> RemoteVideoProvider {
        var cloud = RemoteProviderOptions(name: "cloud", url: "https://api.example.org/v1", folder: "clips")
        cloud.model = "a-model"
        cloud.key = .file("cloud.key")
        cloud.sizes = [.init(width: 1280, height: 720), .init(width: 720, height: 1280)]
        cloud.durationsSeconds = [4, 8, 12]
        cloud.dollarsPerSecond = 0.1
        let remote = try RemoteVideoProvider(cloud)
        return remote
    }

    @Test func `the page's example is the function above`() throws {
        let file = URL(fileURLWithPath: #filePath)
        let root = file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent(".github/LIBRARY.md"), encoding: .utf8)
        let start = try #require(text.range(of: "## Other servers")).upperBound
        let block = try #require(text[start...].range(of: "```swift\n")).upperBound
        let end = try #require(text[block...].range(of: "\n```")).lowerBound
        let code = text[block..<end].split(separator: "\n").map { "        \($0)\n" }.joined()
        #expect(try String(contentsOf: file, encoding: .utf8).contains("-> RemoteVideoProvider {\n" + code))
        // No key file there.
        #expect(throws: RouterError.self) { try readme() }
    }

    @Test func `mutated answers never crash`() throws {
        let valid = Array(
            #"{"id": "video_1", "status": "failed", "progress": 40, "stage": "denoise", "step": 3, "steps_total": 16, "error": {"code": "x", "message": "y"}, "cost_dollars": 0.5, "seed": 18446744073709551615}"#
                .utf8)
        let ours = Array(FakeVideoServer.ours.utf8)
        var random = SplitMix(state: 3)
        for _ in 0..<5000 {
            for text in [valid, ours] {
                var bytes = text
                for _ in 0..<1 + random.next() % 4 {
                    let place = Int(random.next() % UInt64(bytes.count))
                    if random.next() % 2 == 0 {
                        bytes[place] = UInt8(truncatingIfNeeded: random.next())
                    } else {
                        bytes.insert(contentsOf: Array("9999999999e9".utf8.prefix(Int(random.next() % 12))), at: place)
                    }
                }
                _ = try? RemoteVideo(bytes, key: nil)
                _ = RemoteCapabilities(bytes, .init(maxDurationSeconds: 1, maxPixels: 1))
            }
        }
    }
}

import Foundation
import Glibc
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// What was made over there is spent and not ordered again, whatever fails here.
@Suite(.bounded) struct RemoteMoneyTests {
    private let folder: TemporaryFolder
    private let scene = Scene()

    init() throws { folder = try TemporaryFolder() }

    private func remote(
        _ server: FakeVideoServer, _ change: (inout RemoteProviderOptions) -> Void = { _ in }
    ) throws -> RemoteVideoProvider {
        var options = RemoteProviderOptions(name: "cloud", url: server.url, folder: folder.file("clips"))
        options.dollarsPerSecond = 0.1
        options.latencyPerSecond = 1
        change(&options)
        return try RemoteVideoProvider(options, book: OrderBook(), pollSeconds: 0.05)
    }

    private func request(_ change: (inout VideoRequest) -> Void = { _ in }) -> VideoRequest {
        scene.request {
            $0.durationSeconds = 4
            change(&$0)
        }
    }

    private func router(_ provider: RemoteVideoProvider, log: String? = nil) throws -> VideoRouter {
        var policy = RoutingPolicy()
        policy.retryDelaySeconds = 0
        return try VideoRouter(
            [provider], policy: policy, promises: nil, memory: nil, log: log.map { try DecisionLog(path: $0) },
            clock: .system, random: { 0.5 }, gate: { _, _ in ClipJudgement(.good) })
    }

    private func orders(_ server: FakeVideoServer) -> Int { server.calls.count { $0 == "POST /v1/videos" } }

    /// Takes the folder away when the clip has been ordered, and puts a file in its place.
    private func breakFolder() throws {
        try FileManager.default.removeItem(atPath: folder.file("clips"))
        try Data().write(to: URL(filePath: folder.file("clips")))
    }

    private func mendFolder() throws {
        try FileManager.default.removeItem(atPath: folder.file("clips"))
        try FileManager.default.createDirectory(atPath: folder.file("clips"), withIntermediateDirectories: false)
    }

    @Test func `the folder is made at the start, or its path and reason are told`() throws {
        let server = try FakeVideoServer()
        _ = try remote(server)
        #expect(try folder.names == ["clips"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("clips")).isEmpty)
        try Data().write(to: URL(filePath: folder.file("file")))
        for (path, reason) in [
            ("none/below", "cannot make the folder of clips \(folder.file("none/below")): No such file or directory"),
            ("file", "cannot write into the folder of clips \(folder.file("file")): Not a directory"),
        ] {
            let error = #expect(throws: RouterError.self) {
                try remote(server) { $0.folder = folder.file(path) }
            }
            #expect(error?.code == .configuration && error?.message == "cloud: " + reason)
        }
        #expect(server.calls.isEmpty)
    }

    @Test func `nothing is ordered for a folder that cannot take it`() async throws {
        let server = try FakeVideoServer()
        let provider = try remote(server)
        let router = try router(provider, log: folder.file("log"))
        try breakFolder()
        let error = await router.error(request())
        #expect(error?.code == .noProviderAvailable && error?.message.contains("Not a directory") == true)
        #expect(orders(server) == 0)
        let log = try String(contentsOfFile: folder.file("log"), encoding: .utf8)
        #expect(log.contains(#""spent_dollars": 0.0"#) && log.contains(#""outcome": "local_failure""#), "\(log)")
    }

    @Test func `a clip that cannot be kept here is paid once, fetched again, and no fault of the cloud`() async throws {
        let server = try FakeVideoServer()
        let provider = try remote(server)
        let router = try router(provider, log: folder.file("log"))
        let request = request()
        server.change { $0.looks = 100_000 }
        let failing = Task { await router.error(request) }
        #expect(try await becomesTrue { server.calls.contains("GET /v1/videos/video_1") })
        try breakFolder()
        server.change { $0.looks = 1 }
        #expect(await failing.value?.message.contains("local_failure: cannot") == true)
        #expect(orders(server) == 1)
        let log = try String(contentsOfFile: folder.file("log"), encoding: .utf8)
        #expect(log.contains(#""spent_dollars": 0.4"#), "\(log)")
        #expect(try await router.explain(request).first?.rank == 0)
        #expect(try await provider.capabilities(for: request).costDollars == 0)
        try mendFolder()
        let clip = try await router.clip(request)
        #expect(clip.frames == 9 && orders(server) == 1)
    }

    @Test(arguments: [(401, "authentication"), (429, "capacity"), (500, "server_error"), (404, "corrupt_output")])
    func `what was completed over there counts, whatever the download fails of`(
        _ status: Int, _ outcome: String
    ) async throws {
        let server = try FakeVideoServer()
        server.change { state in
            state.video = ["cost_dollars": "0.25"]
            state.accidents["GET /v1/videos/video_1/content"] = Array(
                repeating: .init(status, ["Retry-After": "0"], "{}"), count: 100)
        }
        let router = try router(try remote(server), log: folder.file("log"))
        _ = await router.error(
            request {
                $0.maxCostDollars = 0.5
                $0.maxLatencySeconds = 240
            })
        let log = try String(contentsOfFile: folder.file("log"), encoding: .utf8)
        #expect(log.contains("\"outcome\": \"\(outcome)\""), "\(log)")
        #expect(!log.contains(#""spent_dollars": 0.0"#) && log.contains(#""cost_dollars": 0.25"#), "\(log)")
        if outcome != "corrupt_output" { #expect(orders(server) == 1) }
    }

    @Test func `a clip that the server could not make costs nothing`() async throws {
        let server = try FakeVideoServer()
        let failed = ScriptedServer.Reply(
            200, [:], #"{"id": "video_1", "status": "failed", "error": {"code": "oom", "message": "no"}}"#)
        server.change { $0.accidents["GET /v1/videos/video_1"] = [failed, failed] }
        let router = try router(try remote(server), log: folder.file("log"))
        _ = await router.error(request())
        let log = try String(contentsOfFile: folder.file("log"), encoding: .utf8)
        #expect(log.contains(#""spent_dollars": 0.0"#), "\(log)")
    }

    @Test func `an id that was used for another request is told as that`() async throws {
        let server = try FakeVideoServer()
        let provider = try remote(server)
        server.change { $0.looks = 100_000 }
        var request = request()
        let running = Task { [request] in try await provider.generate(request) { _ in } }
        #expect(try await becomesTrue { server.calls.contains("GET /v1/videos/video_1") })
        request.prompt = "a blue square"
        await #expect(throws: ProviderError.idInUse) { try await provider.generate(request) { _ in } }
        running.cancel()
        server.first(
            "POST /v1/videos", .init(422, [:], #"{"error": {"code": "idempotency_key_reused", "message": "x"}}"#))
        await #expect(throws: ProviderError.idInUse) { try await provider.generate(request) { _ in } }
        #expect(ProviderError.idInUse.message.contains("make a new VideoRequest"))
    }

    @Test func `an address without its version is told, and is not healthy`() async throws {
        let server = try FakeVideoServer()
        server.change { $0.ready = .init(200) }
        let provider = try remote(server) { $0.url = String(server.url.dropLast(3)) }
        guard case .unavailable(let reasons) = await provider.healthCheck() else {
            Issue.record("healthy")
            return
        }
        #expect(reasons[0].contains("there is no video API at") && reasons[0].hasSuffix("usually ends in /v1"))
        let error = await (try router(provider)).error(request(), options: RoutingOptions(allowsPromise: false))
        #expect(error?.message.contains("usually ends in /v1") == true, "\(String(describing: error))")
    }

    @Test func `a cloud makes any number of frames`() async throws {
        let server = try FakeVideoServer()
        let provider = try remote(server) { $0.fields = .extended }
        let clip = try await router(provider).clip(
            scene.request { ($0.frames, $0.framesPerSecond) = (48, 24) })
        #expect(clip.frames == 9)
        #expect(server.created?.text.contains("\"num_frames\"\r\n\r\n48\r\n") == true)
        // The model's own step counts where it is known.
        let four = scene.provider("four")
        #expect(try await scene.error([four], scene.request { $0.frames = 48 })?.parameter == "frames")
    }

    @Test func `names that nobody has are told`() async throws {
        let local = scene.provider("local")
        let error = await (try scene.router([local])).error(
            scene.request(), options: RoutingOptions(provider: "nobody"))
        #expect(error?.message == "there is no provider 'nobody' here; there are: local")
        #expect(error?.code == .badRequest && error?.parameter == "provider")
        var policy = RoutingPolicy()
        policy.without = ["cloudy"]
        #expect(throws: RouterError.self) { try VideoRouter([local], policy: policy) }
        policy.without = ["local"]
        _ = try VideoRouter([local], policy: policy)
    }

    @Test func `a clip that shows nothing is no clip that is done`() async throws {
        let router = try scene.router([scene.provider("local")]) { _, _ in
            ClipJudgement(.empty("the clip is black", isFault: false))
        }
        guard case .empty(let clip, let reason) = try await router.generate(scene.request()) else {
            Issue.record("not told")
            return
        }
        #expect(reason == "the clip is black" && clip.provider == "local")
    }
}

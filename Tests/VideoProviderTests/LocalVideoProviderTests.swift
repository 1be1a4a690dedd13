import FoundationEssentials
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// The line in front of the engine, on an engine that pretends.
@Suite(.bounded) struct LocalVideoProviderTests {
    private static func request(_ prompt: String, id: String? = nil, steps: Int = 4) -> VideoRequest {
        ScriptedProvider.request(prompt, id: id, steps: steps)
    }

    // MARK: making clips

    @Test func `a clip takes the name of no file that is there`() async throws {
        let local = try ScriptedProvider()
        for name in ["holiday.mp4", "holiday-2.mp4"] {
            try Data("theirs".utf8).write(to: URL(filePath: local.folder.file(name)))
        }
        let result = try await local.provider.generate(Self.request("a", id: "holiday")) { _ in }
        #expect(result.path == local.folder.file("holiday-3.mp4"))
        for name in ["holiday.mp4", "holiday-2.mp4"] {
            #expect(try Data(contentsOf: URL(filePath: local.folder.file(name))) == Data("theirs".utf8))
        }
    }

    @Test func `a clip lies in the folder under its request's id, and the result tells the truth`() async throws {
        let local = try ScriptedProvider {
            $0.name = "mine"
            $0.economics = Economics(dollarsPerKilowattHour: 0.36, watts: 50, gpuDollarsPerHour: 3.6)
        }
        let steps = SharedList<VideoProgress>()
        let result = try await local.provider.generate(Self.request("a", id: "clip-1")) { steps.append($0) }
        #expect(result.path == local.folder.file("clip-1.mp4"))
        #expect(try local.folder.names == ["clip-1.mp4"])
        #expect(result.provider == "mine" && result.model == "built-in")
        #expect((result.frames, result.width, result.height) == (17, 96, 96))
        #expect(result.durationSeconds == 17.0 / 8)
        // 10 s to load, 0.5 of text, 4 steps of 2 s, 1 s to decode: 19.5 s at 50 W.
        #expect(result.latencySeconds == 19.5)
        #expect(abs(result.costDollars - 19.5 * 50 / 3.6e6 * 0.36) < 1e-12)
        #expect(result.metadata["energy_is_estimated"] == .bool(true))
        #expect(result.metadata["seed"] == .unsigned(7))
        guard case .number(let whole)? = result.metadata["amortised_cost_dollars"] else {
            Issue.record("no amortised cost")
            return
        }
        #expect(abs(whole - result.costDollars - 19.5 / 3600 * 3.6) < 1e-12)
        let denoise = steps.all.filter { $0.stage == .denoise }.map(\.completed)
        #expect(denoise == [0, 1, 2, 3])
        #expect(steps.all.map(\.stage).first == .load && steps.all.map(\.stage).last == .decode)
    }

    @Test func `requests are made one after the other, in order, on one thread`() async throws {
        let local = try ScriptedProvider()
        local.script.allow(0)
        var tasks: [Task<Result<VideoResult, ProviderError>, Never>] = []
        for number in 0..<6 { tasks.append(try await local.start(Self.request("\(number)"))) }
        local.script.waitForSteps(1)
        #expect(local.script.change { $0.begun } == ["0"])
        local.script.allowAll()
        var latencies: [Double] = []
        for task in tasks { latencies.append(try await task.value.get().latencySeconds) }
        // The line of five clips of 9.5 s is part of what the last one took.
        #expect(latencies[5] >= 5 * 9.5)
        #expect(local.script.change { $0.finished } == (0..<6).map(String.init))
        #expect(local.script.change { $0.threads }.count == 1)
        #expect(local.script.change { $0.enginesMade } == 1)
    }

    @Test func `counted energy is taken where the device counts`() async throws {
        let local = try ScriptedProvider(EngineScript(watts: 200), isMetered: true) {
            $0.economics = Economics(dollarsPerKilowattHour: 1, watts: 1)
        }
        let result = try await local.provider.generate(Self.request("a")) { _ in }
        #expect(result.metadata["energy_is_estimated"] == .bool(false))
        #expect(abs(result.costDollars - 19.5 * 200 / 3.6e6) < 1e-12)
        let next = try await local.provider.capabilities(for: Self.request("b"))
        let seconds = try #require(next.estimate).p50
        #expect(abs(next.costDollars - seconds * 200 / 3.6e6) < 1e-9 * seconds)
    }

    @Test(arguments: [
        "../../evil", "/etc/passwd", "a/b", "..", ".x", "ä", "a\u{0}b", String(repeating: "x", count: 65),
    ])
    func `an id that is no plain word names no file`(_ id: String) async throws {
        let local = try ScriptedProvider()
        let outcome = await local.make(Self.request("a", id: id)) { _ in }
        let names = try local.folder.names
        switch outcome {
        case .success(let result):
            #expect(names.count == 1 && names[0].hasPrefix("request_"))
            #expect(result.path == local.folder.file(names[0]))
        case .failure(let error):
            #expect(error.name == "bad_request" && names == [])
            #expect(!id.utf8.allSatisfy { (0x21...0x7E).contains($0) })
        }
    }

    // MARK: one id, one clip

    @Test func `the same request twice is one clip`() async throws {
        let local = try ScriptedProvider()
        local.script.allow(1)
        let request = Self.request("a", id: "twin")
        let seen = SharedList<VideoProgress>()
        let first = try await local.start(request)
        local.script.waitForSteps(2)
        let second = try await local.start(request) { seen.append($0) }
        local.script.allowAll()
        let (one, two) = (try await first.value.get(), try await second.value.get())
        #expect(one == two)
        #expect(!seen.all.isEmpty)
        let third = try await local.provider.generate(request) { _ in }
        #expect(third == one)
        #expect(local.script.change { $0.begun } == ["a"])
        var other = request
        other.prompt = "b"
        await #expect(throws: ProviderError.idInUse) {
            try await local.provider.generate(other) { _ in }
        }
        try FileManager.default.removeItem(atPath: one.path)
        _ = try await local.provider.generate(request) { _ in }
        #expect(local.script.change { $0.begun } == ["a", "a"])
    }

    @Test func `one of two who share a clip may leave`() async throws {
        let local = try ScriptedProvider()
        local.script.allow(1)
        let request = Self.request("a", id: "twin")
        let first = try await local.start(request)
        let second = try await local.start(request)
        local.script.waitForSteps(2)
        first.cancel()
        #expect(await first.value == .failure(.cancelled))
        local.script.allowAll()
        #expect(try await second.value.get().provider == "local")
    }

    // MARK: cancelling

    @Test func `a request in line is cancelled at once, the running one goes on`() async throws {
        let local = try ScriptedProvider()
        local.script.allow(1)
        let running = try await local.start(Self.request("running"))
        let waiting = try await local.start(Self.request("waiting", id: "w"))
        let last = try await local.start(Self.request("last"))
        local.script.waitForSteps(2)
        await local.provider.cancel("w")
        #expect(await waiting.value == .failure(.cancelled))
        last.cancel()
        #expect(await last.value == .failure(.cancelled))
        local.script.allowAll()
        _ = try await running.value.get()
        #expect(local.script.change { $0.begun } == ["running"])
        await local.provider.cancel("nobody")
    }

    @Test(arguments: [true, false])
    func `the running request stops within a step`(_ byTask: Bool) async throws {
        let local = try ScriptedProvider()
        local.script.allow(1)
        let running = try await local.start(Self.request("running", id: "r", steps: 50))
        let next = try await local.start(Self.request("next"))
        local.script.waitForSteps(2)
        if byTask { running.cancel() } else { await local.provider.cancel("r") }
        let again = try await local.start(Self.request("running", id: "r"))
        // The step that it is in is the last.
        local.script.allow(1)
        #expect(await running.value == .failure(.cancelled))
        #expect(local.script.change { $0.finished } == [])
        local.script.allowAll()
        _ = try await next.value.get()
        _ = try await again.value.get()
        #expect(local.script.change { $0.begun } == ["running", "next", "running"])
        #expect(local.script.change { $0.steps } == 2 + 4 + 4)
    }

    @Test func `a task that is cancelled before it comes makes nothing`() async throws {
        let local = try ScriptedProvider()
        let provider = local.provider
        let task = Task { () -> ProviderError? in
            while !Task.isCancelled { try? await Task.sleep(for: .seconds(60)) }
            do throws(ProviderError) {
                _ = try await provider.generate(Self.request("a")) { _ in }
                return nil
            } catch {
                return error
            }
        }
        task.cancel()
        #expect(await task.value == .cancelled)
        _ = try await provider.generate(Self.request("b")) { _ in }
        #expect(local.script.change { $0.begun } == ["b"])
    }

    // MARK: failures

    @Test func `an engine that broke is opened anew, and the line goes on`() async throws {
        let local = try ScriptedProvider()
        let failures: [(String, ProviderError)] = [
            ("fail media_failed", .server("as it was told")), ("fail out_of_memory", .capacity(retryAfterSeconds: nil)),
            ("fail device_lost", .server("as it was told")),
        ]
        for (prompt, expected) in failures {
            await #expect(throws: expected) { try await local.provider.generate(Self.request(prompt)) { _ in } }
        }
        #expect(local.script.change { $0.enginesMade } == 1)
        local.script.change { $0.openingError = VideoError(.deviceUnavailable, "the GPU is gone", hint: "restart") }
        await #expect(throws: ProviderError.server("the GPU is gone; restart")) {
            try await local.provider.generate(Self.request("a")) { _ in }
        }
        #expect(await local.provider.healthCheck() == .unavailable(["the GPU is gone"]))
        _ = try await local.provider.generate(Self.request("b")) { _ in }
        #expect(await local.provider.healthCheck() == .ready)
        #expect(local.script.change { $0.enginesMade } == 3)
    }

    @Test func `a folder that has gone is no health`() async throws {
        let local = try ScriptedProvider()
        #expect(await local.provider.healthCheck() == .ready)
        try FileManager.default.removeItem(atPath: local.folder.path)
        #expect(await local.provider.healthCheck() == .unavailable(["the folder for clips cannot be written"]))
    }

    @Test func `when a provider goes, its engine goes`() async throws {
        let script = EngineScript()
        do {
            let local = try ScriptedProvider(script)
            _ = try await local.provider.generate(Self.request("a")) { _ in }
        }
        script.wait { $0.enginesGone == 1 ? () : nil }
    }

    @Test func `every error of the engine has its meaning`() {
        for code in VideoError.Code.all {
            let error = ProviderError(VideoError(code, "what", hint: "remedy"))
            switch code {
            case .invalidRequest: #expect(error == .badRequest("what; remedy", parameter: nil))
            case .cancelled: #expect(error == .cancelled)
            case .outOfMemory: #expect(error == .capacity(retryAfterSeconds: nil))
            default: #expect(error == .server("what; remedy"), "\(code.name)")
            }
            #expect(error.isProvidersFault == ![.invalidRequest, .cancelled, .outOfMemory].contains(code))
        }
    }

    @Test func `what cannot begin is an error of the initializer`() throws {
        func error(_ configure: (inout LocalVideoProvider.Options) -> Void) -> VideoError? {
            do {
                _ = try ScriptedProvider(configure: configure)
                return nil
            } catch {
                return error as? VideoError
            }
        }
        #expect(error { $0.outputFolder = "/proc/none/clips" }?.code == .outputFailed)
        var options = LocalVideoProvider.Options()
        options.outputFolder = try TemporaryFolder().path
        options.device = "tpu"
        #expect(throws: VideoError.self) { try LocalVideoProvider(options) }
        options.device = "cpu"
        options.modelFolder = "/nowhere/model"
        #expect { try LocalVideoProvider(options) } throws: { ($0 as? VideoError)?.code == .modelNotFound }
        let script = EngineScript()
        script.change { $0.openingError = VideoError(.compilerMissing, "no NVRTC") }
        #expect { try ScriptedProvider(script) } throws: { ($0 as? VideoError)?.code == .compilerMissing }
    }
}

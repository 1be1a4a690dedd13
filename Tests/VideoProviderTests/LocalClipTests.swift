import FoundationEssentials
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// The local provider with the real engine and the model inside, on the processor.
@Suite(.bounded) struct LocalClipTests {
    private static func provider(_ folder: TemporaryFolder) throws -> LocalVideoProvider {
        var options = LocalVideoProvider.Options()
        options.outputFolder = folder.path
        options.device = "cpu"
        options.threads = 2
        return try LocalVideoProvider(options)
    }

    @Test func `a request becomes a clip of this very process, a cancelled one does not`() async throws {
        let folder = try TemporaryFolder()
        let provider = try Self.provider(folder)
        var request = VideoRequest(prompt: "a red circle moves up", quality: .draft)
        (request.steps, request.frames, request.seed) = (2, 5, 3)
        let result = try await provider.generate(request) { _ in }
        #expect(try folder.names == ["\(request.id).mp4"])
        #expect(result.frames == 5 && result.metadata["seed"] == .unsigned(3))
        let bytes = try Data(contentsOf: URL(filePath: result.path))
        #expect(bytes.count > 500 && bytes.dropFirst(4).prefix(4) == Data("ftyp".utf8))
        #expect(try await provider.capabilities(for: request).isWarm)

        request.id = "stopped"
        request.steps = 1000
        let stopped = request
        let running = Mutex<Task<VideoResult, any Error>?>(nil)
        let task = Task {
            try await provider.generate(stopped) { step in
                if step.stage == .denoise { running.withLock { $0?.cancel() } }
            }
        }
        running.withLock { $0 = task }
        await #expect(throws: ProviderError.cancelled) { try await task.value }
        #expect(try folder.names.count == 1)
    }

    @Test func `a file that gets a clip's name while it is made stays`() async throws {
        let folder = try TemporaryFolder()
        let provider = try Self.provider(folder)
        var request = VideoRequest(prompt: "a red circle moves up", quality: .draft)
        (request.id, request.steps, request.frames, request.seed) = ("holiday", 1, 5, 3)
        let taken = folder.file("holiday.mp4")
        let result = try await provider.generate(request) { step in
            if step.stage == .denoise { try? Data("theirs".utf8).write(to: URL(filePath: taken)) }
        }
        #expect(result.path == folder.file("holiday-2.mp4"))
        #expect(try Data(contentsOf: URL(filePath: taken)) == Data("theirs".utf8))
    }

    /// How good estimates are on this machine: `WAN_ESTIMATE_CLIPS=40` makes so many clips after the first 20.
    ///
    /// Each is made once more, which says how much the machine itself differs from one minute to the next.
    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["WAN_ESTIMATE_CLIPS"] != nil, "WAN_ESTIMATE_CLIPS is not set"))
    func `estimates of real clips are within 25 per cent after 20`() async throws {
        let folder = try TemporaryFolder()
        let provider = try Self.provider(folder)
        let count = Int(ProcessInfo.processInfo.environment["WAN_ESTIMATE_CLIPS"] ?? "") ?? 40
        var random = SeededRandom(11)
        var (near, late, alike) = (0, 0, 0)
        for number in 0..<20 + count {
            var request = VideoRequest(prompt: "a blue square moves up")
            request.width = random.element([64, 96, 128])
            request.height = random.element([64, 96, 128])
            request.frames = random.element([5, 9, 17, 33])
            request.steps = random.element([2, 4, 8, 16])
            request.guidanceScale = random.element([1, 3])
            let estimate = try #require(try await provider.capabilities(for: request).estimate)
            let found = try await provider.generate(request) { _ in }.latencySeconds
            let ratio = estimate.p50 / found
            print("\(number): expected \(estimate.p50) s (p90 \(estimate.p90)), took \(found) s, ratio \(ratio)")
            guard number >= 20 else { continue }
            near += abs(ratio - 1) <= 0.25 ? 1 : 0
            late += found > estimate.p90 ? 1 : 0
            request.id += "-again"
            let again = try await provider.generate(request) { _ in }.latencySeconds
            alike += abs(again / found - 1) <= 0.25 ? 1 : 0
        }
        print("within 25 %: \(near) of \(count); later than p90: \(late); the same again within 25 %: \(alike)")
        #expect(Double(near) >= 0.9 * Double(count))
    }
}

import JobStore
import TestTools
import Testing
import VideoProvider
import VideoTypes

@testable import JobRunner
@testable import fake_service

/// What passes between the service and its worker.
@Suite(.bounded) struct MessageLinesTests {
    private static let tag = WorkTag(job: "video_0123456789abcdef0123456789abcdef", attempt: 2)
    private static let settings = FakeOrder.settings(seed: .max, prompt: "line\nend \"quote\" \u{0} 🎬")
    private static let messages: [WorkerMessage] = [
        .hello(EngineFacts(model: "m", backend: "b", dtype: "d", memoryBytes: nil)),
        .unusable(VideoError(.deviceUnavailable, "none", hint: "get one")),
        .run(
            WorkOrder(
                tag: tag, settings: settings, path: "/a b", checkpoint: CheckpointPlace(path: "/c", everySteps: 4))),
        .cancel(tag),
        .progress(tag, VideoProgress(stage: .denoise, completed: 1, total: 2)),
        .sketch(tag, "iVBORw0KGgo="),
        .finished(
            tag,
            ClipReport(
                path: "/p", model: "m", settings: settings, backend: "b", dtype: "d", encoder: "e", fileBytes: 5,
                stageSeconds: [.denoise: 0.25], totalSeconds: 1, peakMemoryBytes: 7)),
        .failed(tag, VideoError(.outOfMemory, "much")),
        .shutdown,
    ]

    private static func lines() throws -> [UInt8] { try messages.flatMap { try MessageLines.line($0) } }

    @Test(arguments: [1, 2, 7, 64, 1 << 20])
    func `messages come out as they went in, in whatever pieces they come`(size: Int) throws {
        let bytes = try Self.lines()
        var lines = MessageLines()
        var found: [WorkerMessage] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            lines.append(bytes[start..<min(start + size, bytes.count)])
            while let message = try lines.next() { found.append(message) }
        }
        #expect(found == Self.messages)
    }

    @Test func `every kind of failure is the same on both sides`() throws {
        for code in VideoError.Code.all {
            var lines = MessageLines()
            let message = WorkerMessage.failed(Self.tag, VideoError(code, "m", hint: "h"))
            lines.append(try MessageLines.line(message)[...])
            #expect(try lines.next() == message, "\(code.name)")
        }
    }

    @Test func `a message is one line`() throws {
        for message in Self.messages {
            let line = try MessageLines.line(message)
            #expect(line.firstIndex(of: 10) == line.count - 1)
        }
    }

    @Test func `a line without end is not kept for ever`() throws {
        var lines = MessageLines()
        let piece = [UInt8](repeating: 32, count: 1 << 20)
        #expect(throws: MessageLines.Fault.self) {
            for _ in 0..<10 {
                lines.append(piece[...])
                _ = try lines.next()
            }
        }
    }

    @Test func `damaged lines are faults or messages, never a crash`() throws {
        let bytes = try Self.lines()
        var generator = SplitMix(seed: 1)
        var faults = 0
        for _ in 0..<2000 {
            var damaged = bytes
            for _ in 0..<3 {
                let at = Int(generator.next() % UInt64(damaged.count))
                if generator.next() % 2 == 0 {
                    damaged[at] = UInt8(truncatingIfNeeded: generator.next())
                } else {
                    damaged.remove(at: at)
                }
            }
            var lines = MessageLines()
            lines.append(damaged[...])
            do {
                while try lines.next() != nil {}
            } catch {
                faults += 1
            }
        }
        #expect(faults > 500)
    }
}

/// Splitmix64.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

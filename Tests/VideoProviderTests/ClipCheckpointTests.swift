import Compute
import ComputeCPU
import FakeGPU
import FoundationEssentials
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// A clip that was stopped goes on from its checkpoint to the same bytes.
@Suite(.bounded) struct ClipCheckpointTests {
    /// A tiny model with the settings of one clip on it.
    struct Clip: Sendable, CustomStringConvertible {
        let model: String
        let scheduler: Scheduler
        let guidance: Double
        let steps: Int
        var seed: UInt64 = 3

        var description: String { "\(model) \(scheduler.rawValue) guidance \(guidance)" }

        func engine(
            _ dtype: DType = .f32, on backend: (any Backend)? = nil,
            duringCheckpoint: (@Sendable () -> Void)? = nil
        ) throws -> VideoEngine {
            let folder = Fixture.path("\(model)/model").replacing("VideoProviderTests", with: "PipelinesTests")
            let options = EngineOptions(
                model: .folder(folder), dtype: dtype, duringCheckpoint: duringCheckpoint)
            return try VideoEngine(options, backend: backend ?? CPUBackend(threads: 2))
        }

        func settings(_ engine: VideoEngine) throws -> VideoSettings {
            var request = VideoRequest(prompt: "a bird")
            (request.width, request.height, request.frames) = (32, 32, 5)
            (request.steps, request.scheduler, request.guidanceScale) = (steps, scheduler, guidance)
            request.seed = seed
            return try engine.settings(for: request)
        }
    }

    private static let clips =
        Scheduler.allCases.filter(\.isFlow).flatMap { scheduler in
            [1.0, 4.0].map { Clip(model: "wan21-t2v", scheduler: scheduler, guidance: $0, steps: 5) }
        } + [
            Clip(model: "wan22-a14b", scheduler: .unipc, guidance: 4, steps: 6),
            Clip(model: "wan22-a14b", scheduler: .dpmpp, guidance: 1, steps: 6),
            Clip(model: "wan22-ti2v", scheduler: .unipc, guidance: 4, steps: 3),
        ]

    /// Stops the clip when `steps` are done; gives what was reported.
    @discardableResult
    private static func stop(
        _ engine: VideoEngine, _ settings: VideoSettings, to path: String, _ place: CheckpointPlace, after steps: Int
    ) -> [VideoProgress] {
        var reports: [VideoProgress] = []
        let error = #expect(throws: VideoError.self) {
            try engine.generate(settings, to: path, checkpoint: place) { progress in
                reports.append(progress)
                return !(progress.stage == .denoise && progress.completed == steps)
            }
        }
        #expect(error?.code == .cancelled)
        return reports
    }

    private static func file(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }

    @Test(arguments: clips) func `a clip stopped behind any step goes on to the same bytes`(_ clip: Clip) throws {
        let folder = try TemporaryFolder()
        let engine = try clip.engine()
        let settings = try clip.settings(engine)
        let whole = folder.file("whole.mp4")
        _ = try engine.generate(settings, to: whole, checkpoint: nil) { _ in true }
        let expected = try Self.file(whole)
        for steps in 1...clip.steps {
            let place = CheckpointPlace(path: folder.file("state"), everySteps: 1)
            let path = folder.file("clip.mp4")
            Self.stop(engine, settings, to: path, place, after: steps)
            #expect(try folder.names.contains("state"))
            // Another process: nothing is left but the file.
            var first: VideoProgress?
            _ = try clip.engine().generate(settings, to: path, checkpoint: place) { progress in
                if progress.stage == .denoise, first == nil { first = progress }
                return true
            }
            #expect(first == VideoProgress(stage: .denoise, completed: steps, total: clip.steps))
            #expect(try Self.file(path) == expected, "stopped behind step \(steps)")
            #expect(try folder.names == ["clip.mp4", "whole.mp4"])
        }
    }

    @Test func `a GPU goes on to the same bytes, in bf16 and with recorded passes`() throws {
        let folder = try TemporaryFolder()
        let clip = Clip(model: "wan22-a14b", scheduler: .unipc, guidance: 4, steps: 4)
        let place = CheckpointPlace(path: folder.file("state"), everySteps: 1)
        let gpu = FakeGPU()
        do {
            let engine = try clip.engine(.bf16, on: gpu.backend())
            var settings = try clip.settings(engine)
            (settings.clip.width, settings.clip.height, settings.clip.frames) = (16, 16, 1)
            _ = try engine.generate(settings, to: folder.file("whole.mp4"), checkpoint: nil) { _ in true }
            let expected = try Self.file(folder.file("whole.mp4"))
            for steps in 1...clip.steps {
                Self.stop(engine, settings, to: folder.file("clip.mp4"), place, after: steps)
                var first: Int?
                let later = try clip.engine(.bf16, on: gpu.backend())
                _ = try later.generate(settings, to: folder.file("clip.mp4"), checkpoint: place) { progress in
                    if progress.stage == .denoise, first == nil { first = progress.completed }
                    return true
                }
                #expect(first == steps)
                #expect(try Self.file(folder.file("clip.mp4")) == expected, "stopped behind step \(steps)")
            }
        }
        #expect(gpu.finish() == [])
    }

    @Test func `half a file never has the state's name`() throws {
        let folder = try TemporaryFolder()
        let clip = Clip(model: "wan21-t2v", scheduler: .unipc, guidance: 1, steps: 4)
        let state = folder.file("state")
        let seen = Mutex<[(half: Int, whole: Int?)]>([])
        let engine = try clip.engine(duringCheckpoint: {
            func size(_ path: String) -> Int? { (try? Data(contentsOf: URL(filePath: path)))?.count }
            seen.withLock { $0.append((size(state + ".new") ?? 0, size(state))) }
        })
        let place = CheckpointPlace(path: state, everySteps: 1)
        // What a killed process left.
        try Data(repeating: 1, count: 1 << 20).write(to: URL(filePath: state + ".new"))
        Self.stop(engine, try clip.settings(engine), to: folder.file("clip.mp4"), place, after: 3)
        let sizes = seen.withLock { $0 }
        #expect(sizes.count == 3)
        #expect(sizes[0].whole == nil)
        let whole = try #require(sizes[2].whole)
        #expect(sizes[2].half > 0 && sizes[2].half < whole)
        #expect(try folder.names == ["state"])
    }

    @Test func `the state is kept every so many steps and behind the last`() throws {
        let folder = try TemporaryFolder()
        let clip = Clip(model: "wan21-t2v", scheduler: .unipc, guidance: 1, steps: 5)
        for (steps, resumed) in [(1, 0), (2, 2), (3, 2), (4, 4), (5, 5)] {
            let engine = try clip.engine()
            let settings = try clip.settings(engine)
            let place = CheckpointPlace(path: folder.file("state"), everySteps: 2)
            Self.stop(engine, settings, to: folder.file("clip.mp4"), place, after: steps)
            let reports = Self.stop(engine, settings, to: folder.file("clip.mp4"), place, after: 5)
            #expect(reports.first { $0.stage == .denoise }?.completed == resumed, "stopped behind step \(steps)")
            if resumed == 5 { #expect(!reports.contains { $0.stage == .text || $0.stage == .load }) }
            try FileManager.default.removeItem(atPath: place.path)
        }
    }

    @Test func `the state of another clip, dtype or model is not gone on from`() throws {
        let folder = try TemporaryFolder()
        let place = CheckpointPlace(path: folder.file("state"), everySteps: 1)
        let clip = Clip(model: "wan21-t2v", scheduler: .unipc, guidance: 4, steps: 4)
        let engine = try clip.engine()
        let settings = try clip.settings(engine)
        func firstStep(_ engine: VideoEngine, _ settings: VideoSettings) -> Int? {
            Self.stop(engine, settings, to: folder.file("clip.mp4"), place, after: 2)
            return Self.stop(engine, settings, to: folder.file("clip.mp4"), place, after: 4)
                .first { $0.stage == .denoise }?.completed
        }
        #expect(firstStep(engine, settings) == 2)
        try FileManager.default.removeItem(atPath: place.path)
        let changes: [(inout VideoSettings) -> Void] = [
            { $0.sampling.seed = 4 }, { $0.prompts.positive = "a cat" }, { $0.prompts.negative = "x" },
            { $0.sampling.guidance[0] = 4.5 }, { $0.sampling.shift = 4 }, { $0.sampling.scheduler = .dpmpp },
            { $0.clip.frames = 9 }, { $0.clip.width = 48 }, { $0.sampling.levels = .sigmas([1, 0.7, 0.5, 0.1]) },
            { $0.sampling.attention = .factorized },
        ]
        for change in changes {
            // Left by the original, found by the other.
            Self.stop(engine, settings, to: folder.file("clip.mp4"), place, after: 2)
            var other = settings
            change(&other)
            let first = Self.stop(engine, other, to: folder.file("clip.mp4"), place, after: 4)
                .first { $0.stage == .denoise }?.completed
            #expect(first == 0, "\(String(describing: first)) \(other)")
        }
        Self.stop(engine, settings, to: folder.file("clip.mp4"), place, after: 2)
        let bf16 = Self.stop(try clip.engine(.bf16), settings, to: folder.file("clip.mp4"), place, after: 4)
        #expect(bf16.first { $0.stage == .denoise }?.completed == 0)
    }

    @Test func `a damaged state makes the clip begin again, to the same bytes`() throws {
        let folder = try TemporaryFolder()
        let place = CheckpointPlace(path: folder.file("state"), everySteps: 1)
        let clip = Clip(model: "wan21-t2v", scheduler: .unipc, guidance: 1, steps: 3)
        let engine = try clip.engine()
        let settings = try clip.settings(engine)
        _ = try engine.generate(settings, to: folder.file("whole.mp4"), checkpoint: nil) { _ in true }
        let expected = try Self.file(folder.file("whole.mp4"))
        Self.stop(engine, settings, to: folder.file("clip.mp4"), place, after: 2)
        let state = try Self.file(place.path)
        var generator = Noise(state: 1)
        for number in 0..<40 {
            var damaged = state
            switch number % 4 {
            case 0: damaged[Int.random(in: 0..<state.count, using: &generator)] ^= UInt8(1 << (number / 4 % 8))
            case 1: damaged = damaged.prefix(Int.random(in: 0..<state.count, using: &generator))
            case 2: damaged.append(0)
            default:
                let range = Int.random(in: 0..<state.count / 2, using: &generator)..<state.count / 2
                damaged.replaceSubrange(range, with: Data(count: range.count))
            }
            try damaged.write(to: URL(filePath: place.path))
            var first: Int?
            _ = try engine.generate(settings, to: folder.file("clip.mp4"), checkpoint: place) { progress in
                if progress.stage == .denoise, first == nil { first = progress.completed }
                return true
            }
            // White space in the header is no damage.
            #expect(first == 0 || number % 4 == 0, "\(number)")
            #expect(try Self.file(folder.file("clip.mp4")) == expected, "\(number)")
        }
    }

    @Test func `what is there instead of a state does no harm`() throws {
        let folder = try TemporaryFolder()
        let clip = Clip(model: "wan21-t2v", scheduler: .euler, guidance: 1, steps: 2)
        let engine = try clip.engine()
        let settings = try clip.settings(engine)
        // A folder, and one that is not there: nothing can be kept, and the clip is made.
        for path in [folder.path, folder.file("absent/state")] {
            let place = CheckpointPlace(path: path, everySteps: 1)
            let report = try engine.generate(settings, to: folder.file("clip.mp4"), checkpoint: place) { _ in true }
            #expect(report.fileBytes > 0)
        }
        #expect(try folder.names == ["clip.mp4"])
    }
}

/// Numbers that are the same at every run.
private struct Noise: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ (state >> 33)) &* 0xff51_afd7_ed55_8ccd
    }
}

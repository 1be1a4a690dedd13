import Compute
import ComputeCPU
import ComputeCUDA
import FakeGPU
import Foundation
import KernelEmulation
import Pipelines
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// What was loaded for one clip serves the next, as long as there is room.
@Suite(.bounded) struct WarmModelTests {
    private static func folder(_ model: String) -> String {
        Fixture.path("\(model)/model").replacing("VideoProviderTests", with: "PipelinesTests")
    }

    private static func engine(_ model: String, on backend: any Backend) throws -> VideoEngine {
        try VideoEngine(EngineOptions(model: .folder(folder(model)), dtype: .f32), backend: backend)
    }

    private static func request(seed: UInt64, side: Int = 16, frames: Int = 1) -> VideoRequest {
        var request = VideoRequest(prompt: "a bird")
        (request.width, request.height, request.frames, request.steps) = (side, side, frames, 4)
        request.seed = seed
        return request
    }

    /// A clip's file, and the stages that were reported, each once.
    private static func make(
        _ engine: VideoEngine, _ request: VideoRequest, in folder: TemporaryFolder
    ) throws -> (file: Data, stages: [VideoProgress.Stage], report: ClipReport) {
        var stages: [VideoProgress.Stage] = []
        let path = folder.file("clip.mp4")
        let report = try engine.generate(request, to: path) { progress in
            if stages.last != progress.stage { stages.append(progress.stage) }
            return true
        }
        return (try Data(contentsOf: URL(filePath: path)), stages, report)
    }

    @Test(arguments: ["wan21-t2v", "wan22-a14b", "wan22-ti2v"])
    func `a warm model makes the same clips and loads nothing`(_ model: String) throws {
        let folder = try TemporaryFolder()
        let warm = try Self.engine(model, on: CPUBackend(threads: 2))
        for number in 0..<3 {
            // Other sizes and lengths in between: nothing of a clip stays.
            let request = Self.request(seed: UInt64(number), side: number == 1 ? 64 : 32, frames: number == 1 ? 1 : 9)
            let cold = try Self.make(Self.engine(model, on: CPUBackend(threads: 2)), request, in: folder)
            let found = try Self.make(warm, request, in: folder)
            #expect(found.file == cold.file, "clip \(number)")
            #expect(cold.stages.first == .load)
            #expect(cold.report.stageSeconds[.load] != nil)
            if number > 0 {
                #expect(found.stages == [.text, .denoise, .decode])
                #expect(found.report.stageSeconds[.load] == nil)
            }
        }
    }

    @Test func `twenty clips take no more memory than two`() throws {
        let folder = try TemporaryFolder()
        let backend = try CPUBackend(threads: 2)
        let engine = try Self.engine("wan22-a14b", on: backend)
        var held: [Int] = []
        for number in 0..<20 {
            _ = try Self.make(engine, Self.request(seed: UInt64(number), frames: 5), in: folder)
            held.append(backend.pool.currentBytes)
        }
        #expect(Set(held.dropFirst()).count == 1, "\(held)")
        #expect(backend.pool.keptBytes <= backend.pool.peakBytes)
    }

    @Test func `a GPU keeps the model, makes the same clips and gives all back at the end`() throws {
        let folder = try TemporaryFolder()
        let expected = try {
            let gpu = FakeGPU()
            return try Self.make(Self.engine("wan22-a14b", on: gpu.backend()), Self.request(seed: 2), in: folder).file
        }()
        let gpu = FakeGPU()
        do {
            let backend = try gpu.backend()
            let engine = try Self.engine("wan22-a14b", on: backend)
            var held: [Int] = []
            for number in 0..<8 {
                let clip = try Self.make(engine, Self.request(seed: number == 7 ? 2 : UInt64(number)), in: folder)
                held.append(backend.pool.currentBytes)
                if number > 0 { #expect(clip.stages == [.text, .denoise, .decode]) }
                if number == 7 { #expect(clip.file == expected) }
            }
            #expect(Set(held).count == 1, "\(held)")
        }
        #expect(gpu.finish() == [])
    }

    @Test func `where not all may stay, some of it is loaded again, to the same clips`() throws {
        let (folder, model) = (try TemporaryFolder(), try TemporaryFolder())
        // Weights take more here than what is computed with them.
        try DeepModel.write(Self.folder("wan22-a14b"), to: model.path, blocks: 24)
        let request = Self.request(seed: 2)
        let plan = try VideoPlanner(.folder(model.path))
            .plan(for: request, on: EngineFacts(model: "x", backend: "cuda:0", dtype: "f32", memoryBytes: nil))
        let need = try #require(plan.work.peakBytes.values.max())
        var (loads, files): ([Int], Set<Data>) = ([], [])
        for share in [100, 2, 0.9, 0.7] {
            let gpu = FakeGPU { unsafe $0.cublaslt = 0 }
            do {
                let options = EngineOptions(
                    model: .folder(model.path), dtype: .f32,
                    memory: MemoryTerms(limitBytes: Int(Double(need) * share)))
                let engine = try VideoEngine(options, backend: gpu.backend())
                files.insert(try Self.make(engine, request, in: folder).file)
                let again = try Self.make(engine, request, in: folder)
                files.insert(again.file)
                loads.append(again.stages.count { $0 == .load })
            }
            #expect(gpu.finish() == [])
        }
        #expect(files.count == 1)
        #expect(loads.first == 0 && loads == loads.sorted() && (loads.last ?? 0) > 0, "\(loads)")
    }

    @Test func `after an error the next clip begins with weights of its own`() throws {
        let folder = try TemporaryFolder()
        let gpu = FakeGPU { unsafe $0.cublaslt = 0 }
        do {
            let engine = try Self.engine("wan21-t2v", on: gpu.backend())
            let expected = try Self.make(engine, Self.request(seed: 2), in: folder).file
            let error = #expect(throws: VideoError.self) {
                // A larger clip than the memory that is kept for reuse.
                try engine.generate(Self.request(seed: 2, side: 128), to: folder.file("clip.mp4")) { progress in
                    if progress.stage == .denoise { gpu.take((1 << 30) - gpu.usedBytes) }
                    return true
                }
            }
            #expect(error?.code == .outOfMemory)
            gpu.take(0)
            let clip = try Self.make(engine, Self.request(seed: 2), in: folder)
            #expect(clip.file == expected)
            #expect(clip.stages.first == .load)
        }
        #expect(gpu.finish() == [])
    }
}

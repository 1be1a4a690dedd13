import Compute
import ComputeCPU
import FakeGPU
import Pipelines
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// What leaves a device's memory is chosen for requests as people make them, and LoRAs stay what they are.
@Suite(.bounded(minutes: 20)) struct OffloadEngineTests {
    private static func frames(
        _ folder: TemporaryFolder, _ offload: Offload, on backend: any Backend, adapted: Bool = true
    ) throws -> [Frame] {
        let options = EngineOptions(
            model: .folder(folder.path), dtype: .f32, memory: MemoryTerms(offload: offload))
        var request = VideoRequest(prompt: "a bird")
        (request.width, request.height, request.frames, request.steps, request.seed) = (16, 16, 1, 2, 1)
        if adapted {
            request.adapters = ["first", "second"].map {
                AdapterChoice(Fixture.path("loras/\($0).safetensors"), strength: 0.75)
            }
        }
        return try VideoEngine(options, backend: backend).frames(request)
    }

    @Test func `LoRAs are laid over blocks that take turns`() throws {
        let folder = try TemporaryFolder()
        try DeepModel.write(Fixture.model("wan21-t2v"), to: folder.path, blocks: 6)
        let gpu = FakeGPU()
        do {
            let backend = try gpu.backend()
            let expected = try Self.frames(folder, .none, on: backend)
            #expect(try Self.frames(folder, .blocks, on: backend) == expected)
            #expect(try Self.frames(folder, .none, on: backend, adapted: false) != expected)
        }
        #expect(gpu.finish() == [])
        let processor = try CPUBackend(threads: 2)
        #expect(
            try Self.frames(folder, .blocks, on: processor) == Self.frames(folder, .none, on: processor))
    }

    @Test(arguments: [
        ("wan2.2-ti2v-5b", 1280, 704, 121, 12.0), ("wan2.2-t2v-a14b", 832, 480, 81, 24.0),
        ("wan2.2-t2v-a14b", 1280, 720, 81, 24.0), ("wan2.2-ti2v-5b", 1280, 704, 121, 8.0),
    ])
    func `large models fit on small cards`(
        _ name: String, _ width: Int, _ height: Int, _ frames: Int, _ gigabytes: Double
    ) throws {
        let planner = try VideoPlanner(.published(name))
        var request = VideoRequest(prompt: "a bird")
        (request.width, request.height, request.frames) = (width, height, frames)
        let facts = EngineFacts(
            model: name, backend: "cuda:0", dtype: "bf16", memoryBytes: Int(gigabytes * 1e9))
        let plan = try planner.plan(forecasting: request, on: facts)
        let peak = try #require(plan.work.peakBytes.values.max())
        #expect(peak <= Int(gigabytes * 1e9))
        let residency = planner.residency(plan.settings, on: facts)
        #expect(residency.broughtBytes.values.allSatisfy { $0 > 0 })
        // All at once it would not.
        let whole = EngineFacts(
            model: name, backend: "cuda:0", dtype: "bf16", memoryBytes: Int(gigabytes * 1e9), offload: Offload.none)
        #expect(throws: VideoError.self) { try planner.plan(forecasting: request, on: whole) }
    }
}

import Compute
import ComputeCPU
import ComputeCUDA
import FakeGPU
import FoundationEssentials
import KernelEmulation
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import Pipelines
@testable import VideoProvider

#if canImport(Glibc)
import Glibc
#endif

/// People who want other LoRAs each share one model, which is loaded once.
@Suite(.bounded(minutes: 10)) struct SharedModelTests {
    private static let adapters = Fixture.path("loras")

    /// What the clips wear, in turn: by name and strength.
    private static let turns: [[(name: String, strength: Double)]] = [
        [], [("peft", 0.75)], [("differences", 1)], [], [("second", -0.4), ("peft", 1.5)], [("peft", 0.75)], [],
    ]

    private static func request(
        _ worn: [(name: String, strength: Double)], path: (String) -> String = { $0 }
    ) -> VideoRequest {
        var request = VideoRequest(prompt: "a bird")
        (request.width, request.height, request.frames, request.steps, request.seed) = (16, 16, 1, 1, 3)
        request.guidanceScale = 1
        request.adapters = worn.map { AdapterChoice(path($0.name), strength: $0.strength) }
        return request
    }

    private static func engine(
        _ model: String, _ place: AdapterPlace, on backend: any Backend, offload: Offload? = nil
    ) throws -> VideoEngine {
        try VideoEngine(
            EngineOptions(model: .folder(model), dtype: .f32, memory: MemoryTerms(offload: offload), adapters: place),
            backend: backend)
    }

    @Test func `clips in turn are those of a model of their own, and the command's`() throws {
        let model = Fixture.model("wan21-t2v")
        let shared = try Self.engine(model, .folder(Self.adapters), on: CPUBackend(threads: 2))
        var clips: [[Frame]] = []
        for worn in Self.turns {
            let request = Self.request(worn)
            let clip = try shared.frames(request)
            let own = try Self.engine(model, .folder(Self.adapters), on: CPUBackend(threads: 2)).frames(request)
            #expect(clip == own, "\(worn)")
            let command = try Self.engine(model, .paths, on: CPUBackend(threads: 2))
                .frames(Self.request(worn) { "\(Self.adapters)/\($0).safetensors" })
            // Sums in another order may round a value to its neighbour.
            let steps = zip(clip, command).flatMap { zip($0.pixels, $1.pixels).map { abs(Int($0) - Int($1)) } }
            #expect(clip.count == command.count && steps.max() ?? 2 <= 1, "\(worn)")
            clips.append(clip)
        }
        #expect(clips[0] == clips[3] && clips[0] == clips[6] && clips[1] == clips[5])
        #expect(Set(clips.map { $0.flatMap(\.pixels) }).count == 4)
    }

    /// Puts NaN into every matrix of the transformer's blocks, where the file lies.
    private static func spoil(_ model: String) throws {
        let folder = "\(model)/transformer"
        var count = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".safetensors") {
            let file = try TensorFiles.open(MappedFile.open("\(folder)/\(name)"), file: name)
            let handle = unsafe try #require(fopen("\(folder)/\(name)", "r+"))
            defer { unsafe fclose(handle) }
            for (key, entry) in file.entries where key.hasPrefix("blocks.") && entry.shape.count == 2 {
                let bytes = [UInt8](repeating: 0xFF, count: entry.range.count)
                try #require(unsafe fseek(handle, entry.range.lowerBound, SEEK_SET) == 0)
                try #require(unsafe fwrite(bytes, 1, bytes.count, handle) == bytes.count)
                count += 1
            }
        }
        try #require(count > 0)
    }

    @Test func `a GPU takes no weight a second time, and has no second copy of any`() throws {
        let folder = try TemporaryFolder()
        func clips(_ name: String, spoiling: Bool, _ place: AdapterPlace) throws -> (frames: [[Frame]], held: [Int]) {
            let model = folder.file(name)
            try DeepModel.copy(Fixture.model("wan21-t2v"), to: model)
            let gpu = FakeGPU { unsafe $0.cublaslt = 0 }
            var (frames, held): ([[Frame]], [Int]) = ([], [])
            do {
                let backend = try gpu.backend()
                let engine = try Self.engine(model, place, on: backend)
                for (index, worn) in Self.turns.prefix(4).enumerated() where worn.first?.name != "differences" {
                    let request = Self.request(worn) {
                        place == .paths ? "\(Self.adapters)/\($0).safetensors" : $0
                    }
                    frames.append(try engine.frames(request))
                    held.append(backend.pool.currentBytes)
                    if spoiling, index == 0 { try Self.spoil(model) }
                }
            }
            #expect(gpu.finish() == [])
            return (frames, held)
        }
        let shared = AdapterPlace.folder(Self.adapters)
        let (expected, held) = try clips("whole", spoiling: false, shared)
        #expect(try clips("spoiled", spoiling: true, shared).frames == expected)
        #expect(expected[0] == expected[2] && expected[0] != expected[1])
        // What the LoRA takes, its ranks filled up to whole vectors, is all that there is more.
        let style = try Data(contentsOf: URL(filePath: "\(Self.adapters)/peft.safetensors")).count
        #expect(held[0] == held[2] && held[1] > held[0] && held[1] - held[0] < 8 * style, "\(held)")
        // Where weights are summed they are read again: it shows what becomes of them.
        let error = #expect(throws: VideoError.self) { try clips("summed", spoiling: true, .paths) }
        #expect(error?.code == .notFinite)
    }

    @Test func `with LoRAs beside its weights a clip takes what its plan says`() throws {
        let folder = try TemporaryFolder()
        try DeepModel.write(Fixture.model("wan21-t2v"), to: folder.path, blocks: 24)
        let gpu = FakeGPU { unsafe $0.cublaslt = 0 }
        do {
            let backend = try gpu.backend()
            let engine = try Self.engine(folder.path, .folder(Self.adapters), on: backend, offload: Offload.none)
            for worn in [Self.turns[1], Self.turns[4]] {
                let request = Self.request(worn)
                let plan = try engine.plan(for: request).work.peakBytes.values.max() ?? 0
                _ = try engine.frames(request)
                let share = Double(backend.pool.peakBytes) / Double(plan)
                #expect(abs(share - 1) < 0.05, "\(backend.pool.peakBytes) of \(plan)")
            }
        }
        #expect(gpu.finish() == [])
    }

    @Test func `where weights lie in files, LoRAs beside them take their own room and sums that of a copy`() throws {
        let model = Fixture.model("wan21-t2v")
        let facts = EngineFacts(
            model: "x", backend: "cpu", dtype: "bf16", memoryBytes: nil, copiesWeights: false, blockPlaces: 1)
        func bytes(_ place: AdapterPlace, _ worn: [(name: String, strength: Double)]) throws -> Int {
            let request = Self.request(worn) { place == .paths ? "\(Self.adapters)/\($0).safetensors" : $0 }
            let plan = try VideoPlanner(.folder(model), adapters: place).plan(for: request, on: facts)
            return try #require(plan.work.peakBytes[.denoise])
        }
        let shared = AdapterPlace.folder(Self.adapters)
        let bare = try bytes(shared, [])
        #expect(try bytes(.paths, []) == bare)
        let style = try Data(contentsOf: URL(filePath: "\(Self.adapters)/peft.safetensors")).count
        #expect(try (1...style).contains(bytes(shared, Self.turns[1]) - bare))
        let weights = try Checkpoint(ModelFolder(path: model), "transformer").byteCount
        #expect(try bytes(.paths, Self.turns[1]) - bare >= weights)
    }

    @Test func `blocks that take turns wear the same`() throws {
        let folder = try TemporaryFolder()
        // The LoRAs know only the first ones: places for those beside matrices are no places for the others.
        try DeepModel.write(Fixture.model("wan21-t2v"), to: folder.path, blocks: 5)
        var clips: [[[Frame]]] = []
        for offload in [Offload.none, .blocks] {
            let gpu = FakeGPU { unsafe $0.cublaslt = 0 }
            do {
                let engine = try Self.engine(
                    folder.path, .folder(Self.adapters), on: gpu.backend(), offload: offload)
                clips.append(try Self.turns[0...2].map { try engine.frames(Self.request($0)) })
            }
            #expect(gpu.finish() == [])
        }
        #expect(clips[0] == clips[1] && Set(clips[0].map { $0.flatMap(\.pixels) }).count == 3)
    }
}

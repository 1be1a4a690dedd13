import Compute
import FoundationEssentials
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import Pipelines

/// The arithmetic that is foretold is the arithmetic that is asked of a backend.
@Suite(.bounded) struct WorkEstimateTests {
    /// A clip on one of the tiny models, or with the shapes of a published one.
    struct Clip: Sendable, CustomStringConvertible {
        let model: String
        var width = 32
        var height = 48
        var frames = 9
        var guidance = 4.0
        var steps = 3
        var tiles = false
        var scheduler = Scheduler.unipc
        var pictures: [PictureRole] = []
        var attention = Attention.full

        var description: String {
            "\(model) \(width)x\(height) \(frames) \(guidance) \(tiles) \(pictures) \(attention)"
        }

        var settings: VideoSettings {
            VideoSettings(
                prompts: Prompts(positive: "a bird flies over the sea", negative: "grey"),
                clip: ClipShape(width: width, height: height, frames: frames, framesPerSecond: 16),
                sampling: SamplingSettings(
                    scheduler: scheduler, levels: .steps(steps), shift: scheduler.isFlow ? 5 : 1,
                    guidance: [guidance, 3], attention: attention, seed: 1),
                inputs: pictures.map { ClipInput(role: $0, digest: "") }, tilesVAE: tiles)
        }
    }

    /// Counts a whole run by stages; what a stage's loading asks for counts for it.
    private static func counted(_ model: any VideoModel, _ settings: VideoSettings) throws -> [VideoProgress.Stage:
        Double]
    {
        let backend = CountingBackend()
        var counts: [VideoProgress.Stage: Double] = [:]
        var stage = VideoProgress.Stage.text
        var before = 0.0
        func close() {
            counts[stage, default: 0] += backend.flops - before
            before = backend.flops
        }
        let grey = Frame(width: 24, height: 20, pixels: [UInt8](repeating: 128, count: 24 * 20 * 3))
        try model.pipeline(on: backend, dtype: .f32).generate(
            settings, pictures: Dictionary(uniqueKeysWithValues: settings.inputs.map { ($0.role, grey) }),
            checkpoint: nil,
            report: { progress in
                // Contexts and times are made behind the loading, before the first step.
                if progress.stage == .load || (progress.stage == .text && progress.completed == 0) {
                    close()
                    stage = progress.stage == .text ? .text : stage
                } else if progress.stage != stage {
                    if progress.stage == .decode { close() }
                    stage = progress.stage
                }
                return true
            }, dump: nil, emit: { _ in })
        close()
        return counts
    }

    private static func expect(_ model: any VideoModel, _ clip: Clip) throws {
        let device = DeviceProfile(name: "x", dtype: .f32, copiesWeights: true, memoryBytes: nil)
        let work = model.work(clip.settings, on: device)
        let counted = try counted(model, clip.settings)
        let total = counted.values.reduce(0, +)
        #expect(total > 0)
        #expect(work.flops.values.reduce(0, +) == total, "\(clip): \(work.flops) \(counted)")
        for stage in [VideoProgress.Stage.text, .denoise, .decode] {
            #expect(work.flops[stage] == counted[stage], "\(clip) \(stage): \(work.flops) \(counted)")
        }
    }

    @Test(arguments: [
        Clip(model: "wan21-t2v"), Clip(model: "wan21-t2v", frames: 1, guidance: 1),
        Clip(model: "wan22-ti2v", height: 64),
        Clip(model: "wan22-ti2v", width: 64, height: 32, frames: 17, guidance: 1),
        Clip(model: "wan22-a14b", steps: 6), Clip(model: "wan22-a14b", guidance: 1, steps: 5, scheduler: .euler),
        Clip(model: "wan21-i2v", frames: 29, pictures: [.first]),
        Clip(model: "wan21-flf2v", pictures: [.first, .last]),
        Clip(model: "wan22-i2v-a14b", frames: 41, steps: 6, pictures: [.first]),
        Clip(model: "wan22-i2v-a14b", frames: 21, guidance: 1, pictures: [.first, .last]),
        Clip(model: "wan22-ti2v", width: 64, height: 32, frames: 17, pictures: [.first]),
        Clip(model: "wan21-t2v", width: 528, height: 272, frames: 5, steps: 1, tiles: true),
        Clip(model: "wan22-ti2v", width: 480, height: 288, frames: 5, steps: 1, tiles: true),
        Clip(model: "cogvideox-2b", scheduler: .ddim), Clip(model: "cogvideox-5b", frames: 13, scheduler: .dpm),
        Clip(model: "cogvideox-2b", width: 64, height: 80, frames: 1, guidance: 1, tiles: true, scheduler: .dpm),
        Clip(model: "cogvideox-5b-i2v", height: 16, scheduler: .ddim, pictures: [.first]),
        Clip(model: "cogvideox1.5-5b", frames: 5, scheduler: .dpm),
        Clip(model: "cogvideox1.5-5b-i2v", guidance: 1, scheduler: .dpm, pictures: [.first]),
        Clip(model: "wan21-t2v", width: 272, height: 256, frames: 17, steps: 6, attention: .factorized),
        Clip(model: "wan22-a14b", width: 256, height: 256, frames: 17, steps: 6, attention: .factorized),
        Clip(model: "wan21-t2v", attention: .factorized),
        Clip(model: "cogvideox-5b", width: 256, height: 256, frames: 17, scheduler: .ddim, attention: .factorized),
    ]) func `the count is exact for small models`(_ clip: Clip) throws {
        try Self.expect(Families.open(ModelFolder(path: Fixture.path("\(clip.model)/model"))), clip)
    }

    @Test(arguments: ["wan2.1-t2v-1.3b", "wan2.2-ti2v-5b"])
    func `the count is exact for published models`(_ name: String) throws {
        let folder = try TemporaryFolder()
        try SparseModel(path: Fixture.path("real-shapes.json")).write(name, to: folder.path)
        try FileManager.default.copyItem(
            atPath: Fixture.path("wan21-t2v/model/tokenizer"), toPath: folder.file("tokenizer"))
        try Self.expect(
            Families.open(ModelFolder(path: folder.path)),
            Clip(model: name, width: 128, height: 64, frames: 5, steps: 2))
    }

    /// Text encoder and decoder are stored in f32, the transformer in bf16.
    @Test func `on a device that multiplies matrices where they lie only kernels of convolutions take room`() throws {
        let model = try Families.open(ModelFolder(path: Fixture.path("wan21-t2v/model")))
        let settings = Clip(model: "").settings
        func weights(_ dtype: DType, copies: Bool, widens: Bool = false) -> [Int] {
            let device = DeviceProfile(
                name: "x", dtype: dtype, copiesWeights: copies, widensWeights: widens, memoryBytes: nil)
            let memory = model.memory(settings, on: device)
            return [VideoProgress.Stage.text, .denoise, .decode].map { memory[$0].weights }
        }
        let (wide, narrow) = (weights(.f32, copies: true), weights(.bf16, copies: true))
        #expect((wide + narrow).allSatisfy { $0 > 0 })
        #expect(weights(.f32, copies: false) == [0, wide[1], wide[2]])
        #expect(weights(.bf16, copies: false) == [narrow[0], 0, narrow[2]])
        #expect(weights(.f32, copies: false, widens: true) == [0, 0, 0])
    }

    @Test func `tokens, passes and pixels are those of the clip`() throws {
        let model = try Families.open(ModelFolder(path: Fixture.path("wan21-t2v/model")))
        let device = DeviceProfile(name: "x", dtype: .bf16, copiesWeights: true, memoryBytes: nil)
        var settings = Clip(model: "", width: 832, height: 480, frames: 81, steps: 50).settings
        let work = model.work(settings, on: device)
        #expect((work.tokens, work.passes, work.decodedPixels) == (32760, 100, 832 * 480 * 81))
        let memory = model.memory(settings, on: device)
        #expect(
            work.peakBytes == [
                .load: memory.weights, .text: memory[.text].bytes, .denoise: memory[.denoise].bytes,
                .decode: memory[.decode].bytes,
            ])
        #expect(memory.weights > 0)
        settings.sampling.guidance[0] = 1
        let unguided = model.work(settings, on: device)
        #expect(unguided.passes == 50)
        #expect((unguided.flops[.text] ?? 0) < (work.flops[.text] ?? 0))
    }
}

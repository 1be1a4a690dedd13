import Compute
import ComputeCPU
import Layers
import Models
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import Pipelines

/// Which pictures a model makes its clips from, and what they cost.
@Suite(.bounded) struct PictureNeedsTests {
    private static func model(_ name: String) throws -> any VideoModel {
        try Families.open(ModelFolder(path: Fixture.model(name)))
    }

    private static func settings(_ roles: [PictureRole], width: Int = 32, height: Int = 32, frames: Int = 9)
        -> VideoSettings
    {
        VideoSettings(
            prompts: Prompts(positive: "a bird"),
            clip: ClipShape(width: width, height: height, frames: frames, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .euler, levels: .steps(1), shift: 3, guidance: [1], seed: 1),
            inputs: roles.map { ClipInput(role: $0, digest: "") })
    }

    @Test func `needs follow from the folder`() throws {
        #expect(try Self.model("wan21-t2v").pictures == .none)
        #expect(try Self.model("wan21-i2v").pictures == PictureNeeds(needed: [.first]))
        #expect(try Self.model("wan21-flf2v").pictures == PictureNeeds(needed: [.first, .last]))
        #expect(try Self.model("wan22-i2v-a14b").pictures == PictureNeeds(needed: [.first], taken: [.last]))
        #expect(try Self.model("wan22-ti2v").pictures == PictureNeeds(taken: [.first]))
    }

    @Test(
        arguments: [
            ("wan21-t2v", [.first], "a picture as first is given 1 times, the model takes none"),
            ("wan21-i2v", [], "no picture as first is given, the model needs first"),
            ("wan21-i2v", [.first, .last], "a picture as last is given 1 times, the model takes first"),
            ("wan21-i2v", [.first, .first], "a picture as first is given 2 times, the model takes first"),
            ("wan21-flf2v", [.first], "no picture as last is given, the model needs first and last"),
            ("wan21-flf2v", [.last], "no picture as first is given, the model needs first and last"),
            ("wan22-i2v-a14b", [.last], "no picture as first is given, the model needs first, last"),
            ("wan22-ti2v", [.last], "a picture as last is given 1 times, the model takes first or none"),
            ("wan22-ti2v", [.reference], "a picture as reference is given 1 times, the model takes first or none"),
        ] as [(String, [PictureRole], String)])
    func `other pictures than those are refused before any weight is loaded`(
        _ name: String, _ roles: [PictureRole], _ message: String
    ) throws {
        let error = #expect(throws: VideoError.self) { try Self.model(name).validate(Self.settings(roles)) }
        #expect(error?.code == .invalidRequest)
        #expect(error?.message == message)
        #expect(error?.hint != nil)
    }

    @Test func `between two pictures there is more than one frame`() throws {
        let model = try Self.model("wan21-flf2v")
        try model.validate(Self.settings([.first, .last], frames: 5))
        #expect(throws: VideoError.self) { try model.validate(Self.settings([.first, .last], frames: 1)) }
    }

    @Test(arguments: [("wan21-i2v", [.first]), ("wan22-ti2v", [.first])] as [(String, [PictureRole])])
    func `the memory of the encoder is what the estimate says`(_ name: String, _ roles: [PictureRole]) throws {
        let backend = try CPUBackend(threads: 1)
        let model = try WanModel(ModelFolder(path: Fixture.model(name)))
        let (width, height) = (192, 160)
        let settings = Self.settings(roles, width: width, height: height, frames: 29)
        let encoder = try model.components.makeEncoder(on: Device(backend: backend, dtype: .f32))
        let before = backend.pool.currentBytes
        var random = TorchRandomSource(seed: 1)
        let picture = try encoder.frame(height: height, width: width) { random.normals(3 * width * height) }
        var stills: [WanVAEEncoder.Still] = []
        for (role, count) in model.shownFrames(settings) {
            let frame = role == nil ? try encoder.grey(height: height, width: width) : picture
            stills.append(.init(frame: frame, count: count))
        }
        _ = try encoder(stills)
        let found = Double(backend.pool.peakBytes - before)
        let device = DeviceProfile(name: "d", dtype: .f32, copiesWeights: true, memoryBytes: nil)
        let expected = Double(model.memory(settings, on: device)[.text].work)
        #expect((0.8...1.25).contains(found / expected), "\(found) found, \(expected) expected")
    }

    @Test(arguments: [DType.f32, .bf16])
    func `the memory of CogVideoX's encoder is what the estimate says`(_ dtype: DType) throws {
        let backend = try CPUBackend(threads: 1)
        let model = try CogVideoXModel(ModelFolder(path: Fixture.model("cogvideox-5b-i2v")))
        let (width, height) = (192, 160)
        let settings = Self.settings([.first], width: width, height: height)
        let encoder = try model.components.makeEncoder(on: Device(backend: backend, dtype: dtype))
        let before = backend.pool.currentBytes
        var random = TorchRandomSource(seed: 1)
        let pixels = random.normals(3 * width * height)
        _ = try encoder(backend.upload(pixels, [1, height, width, 3]))
        let found = Double(backend.pool.peakBytes - before)
        let device = DeviceProfile(name: "d", dtype: dtype, copiesWeights: true, memoryBytes: nil)
        let expected = Double(model.memory(settings, on: device)[.text].work)
        #expect((0.9...1.1).contains(found / expected), "\(found) found, \(expected) expected")
    }

    /// One network after the other: each is loaded, then used.
    @Test(arguments: [("wan21-i2v", 3), ("wan22-ti2v", 2), ("cogvideox-5b-i2v", 2)])
    func `what pictures take is told of as text, not as loading`(_ name: String, _ networks: Int) throws {
        var settings = Self.settings([.first], height: name.hasPrefix("cog") ? 16 : 32)
        if name.hasPrefix("cog") { (settings.sampling.scheduler, settings.sampling.shift) = (.ddim, nil) }
        let grey = Frame(width: 24, height: 20, pixels: [UInt8](repeating: 128, count: 24 * 20 * 3))
        var stages: [VideoProgress.Stage] = []
        let pipeline = try Self.model(name).pipeline(on: CPUBackend(threads: 1), dtype: .f32)
        try pipeline.validate(settings)
        try pipeline.generate(
            settings, pictures: [.first: grey], checkpoint: nil,
            report: { progress in
                if stages.last != progress.stage { stages.append(progress.stage) }
                return true
            }, dump: nil, emit: { _ in })
        let before = stages.prefix { $0 != .denoise }
        #expect(
            Array(before) == [[VideoProgress.Stage]](repeating: [.load, .text], count: networks).flatMap(\.self) + [
                .load
            ])
    }
}

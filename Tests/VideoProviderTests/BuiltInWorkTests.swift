import Compute
import ComputeCPU
import Layers
import Models
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

@testable import Pipelines

/// The arithmetic of factorized attention and of a linear encoder, which only the model inside the binary has.
@Suite(.bounded) struct BuiltInWorkTests {
    private static func settings(width: Int = 96, height: Int = 96, frames: Int = 17, guidance: Double = 2) throws
        -> VideoSettings
    {
        var request = VideoRequest(prompt: "a red circle moves from left to right")
        (request.width, request.height, request.frames, request.guidanceScale) = (width, height, frames, guidance)
        request.steps = 2
        return try VideoPlanner(.builtIn).settings(for: request)
    }

    private static let device = DeviceProfile(name: "d", dtype: .f32, copiesWeights: true, memoryBytes: nil)

    @Test(arguments: [(96, 96, 17, 2.0), (64, 128, 5, 1.0)], [false, true])
    func `the count is exact for the built-in model`(
        _ clip: (Int, Int, Int, Double), hasPicture: Bool
    ) throws {
        var settings = try Self.settings(
            width: clip.0, height: clip.1, frames: clip.2, guidance: clip.3)
        if hasPicture { settings.inputs = [ClipInput(role: .first, digest: "")] }
        let backend = CountingBackend()
        let model = try Families.open(BuiltInModel.folder)
        let work = model.work(settings, on: Self.device)
        let grey = Frame(width: 24, height: 20, pixels: [UInt8](repeating: 128, count: 24 * 20 * 3))
        try model.pipeline(on: backend, dtype: .f32).generate(
            settings, pictures: hasPicture ? [.first: grey] : [:], checkpoint: nil, report: { _ in true }, dump: nil,
            emit: { _ in })
        #expect(work.flops.values.reduce(0, +) == backend.flops)
        #expect(work.flops.values.allSatisfy { $0 > 0 })
    }

    @Test func `a picture adds less than a hundredth of the arithmetic`() throws {
        let model = try Families.open(BuiltInModel.folder)
        var settings = try Self.settings()
        settings.sampling.levels = .steps(16)
        let plain = model.work(settings, on: Self.device).flops.values.reduce(0, +)
        settings.inputs = [ClipInput(role: .first, digest: "")]
        let shown = model.work(settings, on: Self.device).flops.values.reduce(0, +)
        #expect(shown > plain && shown < 1.01 * plain, "\(shown) with a picture, \(plain) without")
    }

    @Test func `the memory of its encoder is what the estimate says`() throws {
        let backend = try CPUBackend(threads: 1)
        let model = try WanModel(BuiltInModel.folder)
        var settings = try Self.settings()
        settings.inputs = [ClipInput(role: .first, digest: "")]
        let encoder = try model.components.makeEncoder(on: Device(backend: backend, dtype: .f32))
        let before = backend.pool.currentBytes
        let (width, height) = (settings.clip.width, settings.clip.height)
        let picture = try encoder.frame(height: height, width: width) {
            [Float](repeating: 0, count: 3 * width * height)
        }
        _ = try encoder([.init(frame: picture, count: 1)])
        let found = Double(backend.pool.peakBytes - before)
        let expected = Double(model.memory(settings, on: Self.device)[.text].work)
        #expect((0.8...1.25).contains(found / expected), "\(found) found, \(expected) expected")
    }
}

import Compute
import ComputeCPU
import Foundation
import Pipelines
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// Factorized attention, which Diffusers does not have, against the PyTorch code that trained the built-in model.
@Suite(.bounded) struct FactorizedAttentionTests {
    /// The fixtures are the parts before decoding of what `training/reference.py` writes with
    /// `--seed 7 --steps 4 --guidance 3 --frames 9 --size 64 --shift 10`, one of them with `--picture`.
    @Test(arguments: [
        ("factorized", "a red circle moves from left to right"), ("factorized-picture", "it moves to the right"),
    ]) func `the built-in model computes what its training code computes`(_ name: String, _ prompt: String) throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let golden = try GoldenFile(folder.appending(path: "Fixtures/\(name).safetensors").path)
        let pipeline = try Families.open(BuiltInModel.folder).pipeline(on: CPUBackend(threads: 2), dtype: .f32)
        let pictures = try golden.contains("image.first") ? [PictureRole.first: Self.frame(golden)] : [:]
        let settings = VideoSettings(
            prompts: Prompts(positive: prompt),
            clip: ClipShape(width: 64, height: 64, frames: 9, framesPerSecond: 8),
            sampling: SamplingSettings(
                scheduler: .unipc, levels: .steps(4), shift: 10, guidance: [3], seed: 7),
            inputs: pictures.keys.map { ClipInput(role: $0, digest: "") })
        let dump = TensorDump()
        try pipeline.generate(
            settings, pictures: pictures, checkpoint: nil, report: { _ in true }, dump: dump, emit: { _ in })
        var unseen = Set(golden.names)
        for case (let name, _, .floats(let found)) in dump.tensors where unseen.remove(name) != nil {
            let deviation = Deviation(found, from: try golden.floats(name))
            try #require(deviation.relative < 1e-4, "\(name): \(deviation)")
        }
        #expect(unseen == ["text.prompt_ids"])
    }

    /// The picture whose planes the fixture holds.
    private static func frame(_ golden: GoldenFile) throws -> Frame {
        let shape = try golden.shape("image.first")
        let (height, width) = (shape[1], shape[2])
        let planes = try golden.floats("image.first")
        let pixels = (0..<height * width * 3).map { index in
            UInt8((127.5 * planes[index % 3 * height * width + index / 3] + 127.5).rounded())
        }
        return Frame(width: width, height: height, pixels: pixels)
    }

    @Test func `a model that was trained so has no full attention to leave out of`() throws {
        let model = try Families.open(BuiltInModel.folder)
        var settings = VideoSettings(
            prompts: Prompts(positive: ""), clip: ClipShape(width: 64, height: 64, frames: 9, framesPerSecond: 8),
            sampling: SamplingSettings(scheduler: .unipc, levels: .steps(4), shift: 10, guidance: [3], seed: 7))
        try model.validate(settings)
        settings.sampling.attention = .factorized
        #expect { try model.validate(settings) } throws: { ($0 as? VideoError)?.field == .attention }
    }
}

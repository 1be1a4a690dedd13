import Compute
import ComputeCPU
import FakeGPU
import KernelEmulation
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import Pipelines

/// Weights that are no numbers: a clip is never made of them, and where they went wrong is said.
@Suite(.bounded) struct FiniteTests {
    /// One number of one tensor, and what is said when it is none.
    struct Damage: Sendable, CustomTestStringConvertible {
        let file: String
        let tensor: String
        let message: String

        var testDescription: String { tensor }
    }

    private static let stages = [
        Damage(
            file: "text_encoder/model.safetensors", tensor: "encoder.block.1.layer.0.layer_norm.weight",
            message: "text gave numbers that are not finite at the prompt, first in block.01"),
        Damage(
            file: "text_encoder/model.safetensors", tensor: "encoder.final_layer_norm.weight",
            message: "text gave numbers that are not finite at the prompt, first in the last norm"),
        Damage(
            file: "transformer/diffusion_pytorch_model.safetensors", tensor: "blocks.0.ffn.net.2.bias",
            message: "denoise gave numbers that are not finite at step 1 of 3, first in block.00"),
        Damage(
            file: "transformer_2/diffusion_pytorch_model.safetensors", tensor: "proj_out.bias",
            message: "denoise gave numbers that are not finite at step 2 of 3, first in the head"),
        Damage(
            file: "vae/diffusion_pytorch_model.safetensors", tensor: "decoder.mid_block.resnets.0.conv1.bias",
            message: "decode gave numbers that are not finite at latent frame 1 of 2, first in mid_block"),
        Damage(
            file: "vae/diffusion_pytorch_model.safetensors", tensor: "decoder.up_blocks.1.upsamplers.0.time_conv.bias",
            message: "decode gave numbers that are not finite at latent frame 2 of 2, first in up_block.1.part.0"),
        Damage(
            file: "vae/diffusion_pytorch_model.safetensors", tensor: "decoder.conv_out.bias",
            message: "decode gave numbers that are not finite at latent frame 1 of 2, first in the head"),
    ]

    private static let settings = VideoSettings(
        prompts: Prompts(positive: "a bird", negative: "red"),
        clip: ClipShape(width: 32, height: 16, frames: 5, framesPerSecond: 16),
        sampling: SamplingSettings(
            scheduler: .euler, levels: .steps(3), shift: 1, guidance: [3, 3], seed: 1))

    private static func failure(
        _ damage: Damage, on backend: any Backend, dtype: DType = .f32, isTiled: Bool = false
    ) throws -> VideoError? {
        let folder = try DamagedModel("wan22-a14b").folder(damage.file, notANumber: damage.tensor)
        let pipeline = try Families.open(folder).pipeline(on: backend, dtype: dtype)
        var settings = settings
        if isTiled { (settings.clip.width, settings.tilesVAE) = (272, true) }
        var frames = 0
        return #expect(throws: VideoError.self) {
            try pipeline.generate(settings, report: { _ in true }, dump: nil, emit: { _ in frames += 1 })
        }
    }

    @Test(arguments: stages, [DType.f32, .bf16])
    func `a number that is none ends the clip, with stage, step and block`(damage: Damage, dtype: DType) throws {
        let error = try Self.failure(damage, on: CPUBackend(threads: 1), dtype: dtype)
        #expect(error?.code == .notFinite && error?.message == damage.message)
        #expect(error?.hint?.contains("dtype = f32") == (dtype == .bf16))
    }

    @Test(arguments: [
        (
            "wan21-i2v",
            Damage(
                file: "image_encoder/model.safetensors", tensor: "encoder.layers.1.mlp.fc1.bias",
                message: "text gave numbers that are not finite at the image encoder, first in block.01")
        ),
        (
            "cogvideox-2b",
            Damage(
                file: "transformer/diffusion_pytorch_model.safetensors", tensor: "transformer_blocks.0.ff.net.2.bias",
                message: "denoise gave numbers that are not finite at step 1 of 3, first in block.00")
        ),
        (
            "cogvideox-2b",
            Damage(
                file: "vae/diffusion_pytorch_model.safetensors", tensor: "decoder.conv_in.conv.bias",
                message: "decode gave numbers that are not finite at latent frames 1 to 2 of 2, first in conv_in")
        ),
        (
            "cogvideox-5b-i2v",
            Damage(
                file: "vae/diffusion_pytorch_model.safetensors", tensor: "encoder.conv_in.conv.bias",
                message: "text gave numbers that are not finite at the picture, first in conv_in")
        ),
    ])
    func `the same of every kind of network`(model: String, damage: Damage) throws {
        let backend = try CPUBackend(threads: 1)
        let folder = try DamagedModel(model).folder(damage.file, notANumber: damage.tensor)
        let opened = try Families.open(folder)
        var settings = Self.settings
        if model.hasPrefix("cogvideox") { settings.sampling.scheduler = .ddim }
        if model.hasSuffix("i2v") { settings.inputs = [ClipInput(role: .first, digest: "")] }
        let grey = Frame(width: 40, height: 30, pixels: [UInt8](repeating: 99, count: 3 * 40 * 30))
        let error = #expect(throws: VideoError.self) {
            try opened.pipeline(on: backend, dtype: .f32).generate(
                settings, pictures: model.hasSuffix("i2v") ? [.first: grey] : [:], checkpoint: nil,
                report: { _ in true }, dump: nil, emit: { _ in })
        }
        #expect(error?.code == .notFinite)
        #expect(error?.message == damage.message)
    }

    @Test(arguments: [stages[0], stages[2], stages[5]])
    func `the same on a GPU`(damage: Damage) throws {
        let gpu = FakeGPU(9, 0)
        do {
            let error = try Self.failure(damage, on: gpu.backend())
            #expect(error?.code == .notFinite && error?.message == damage.message)
        }
        #expect(gpu.finish() == [])
    }

    @Test(arguments: [stages[5], stages[6]])
    func `the same in tiles`(damage: Damage) throws {
        let error = try Self.failure(damage, on: CPUBackend(threads: 1), isTiled: true)
        #expect(error?.code == .notFinite && error?.message == damage.message)
    }
}

/// A tiny model of which one number is damaged.
private struct DamagedModel {
    private let path: String

    init(_ name: String) { path = Fixture.model(name) }

    func folder(_ file: String, notANumber tensor: String) throws -> ModelFolder {
        let original = try ModelFolder(path: path)
        var files: [String: HostBytes] = [:]
        for component in [
            "", "text_encoder", "image_encoder", "image_processor", "transformer", "transformer_2", "vae", "scheduler",
            "tokenizer",
        ] {
            for name in original.names(in: component) {
                let inside = component.isEmpty ? name : "\(component)/\(name)"
                if let bytes = try? original.bytes(inside) { files[inside] = bytes }
            }
        }
        let bytes = try #require(files[file])
        let entry = try #require(try Safetensors(bytes, file: file).entries[tensor])
        var damaged = bytes.copied
        // All bits set are no number in any floating dtype.
        for place in entry.range.prefix(4) { damaged[place] = 0xff }
        files[file] = HostBytes(damaged)
        return ModelFolder(files: files, name: "damaged")
    }
}

import Compute
import ComputeCPU
import FoundationEssentials
import Layers
import Models
import TestSupport
import Testing
import Weights

/// Each network against Diffusers' numbers on a tiny random model.
@Suite struct NetworkGoldenTests {
    static let root = ProcessInfo.processInfo.environment["WAN_GOLDENS"] ?? ""
    static let variants = root.isEmpty ? [] : (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []

    private func device() throws -> Device { Device(backend: try CPUBackend(threads: 2), dtype: .f32) }

    @Test(arguments: variants) func `text encoder`(_ variant: String) throws {
        let folder = try ModelFolder(path: "\(Self.root)/\(variant)")
        let golden = try GoldenFile("\(Self.root)/\(variant)/golden.safetensors")
        let config = try folder.config("text_encoder/config.json", as: T5Config.self)
        let device = try device()
        let encoder = try T5Encoder(Checkpoint(folder, "text_encoder").root, config, on: device)
        let mask = try golden.integers("text.prompt_mask")
        let count = mask.filter { $0 == 1 }.count
        let ids = try golden.integers("text.prompt_ids").prefix(count).map(Int32.init)
        let found = try device.backend.download(encoder(ids))
        let d = Deviation(found, from: Array(try golden.floats("text.prompt_embeds").prefix(found.count)))
        #expect(d.relative < 2e-5, "\(d)")
    }

    @Test(arguments: variants) func `transformer`(_ variant: String) throws {
        let folder = try ModelFolder(path: "\(Self.root)/\(variant)")
        let golden = try GoldenFile("\(Self.root)/\(variant)/golden.safetensors")
        let config = try folder.config("transformer/config.json", as: WanTransformerConfig.self)
        let device = try device()
        let model = try WanTransformer(Checkpoint(folder, "transformer").root, config, on: device)
        let shape = Shape(Array(try golden.shape("step.000.model_input").dropFirst()))
        let latents = try device.backend.upload(golden.floats("step.000.model_input"), shape)
        let count = try golden.integers("text.prompt_mask").filter { $0 == 1 }.count
        let text = Array(try golden.floats("text.prompt_embeds").prefix(count * config.textDim))
        let context = try model.context(device.backend.upload(text, [count, config.textDim]))
        let found = try model(
            latents, timestep: golden.floats("step.000.timestep")[0], context: context, grid: model.grid(shape))
        let d = Deviation(try device.backend.download(found), from: try golden.floats("step.000.cond"))
        #expect(d.relative < 1e-4, "\(d)")
    }

    @Test(arguments: variants) func `decoder`(_ variant: String) throws {
        let folder = try ModelFolder(path: "\(Self.root)/\(variant)")
        let golden = try GoldenFile("\(Self.root)/\(variant)/golden.safetensors")
        let config = try folder.config("vae/config.json", as: WanVAEConfig.self)
        let device = try device()
        let decoder = try WanVAEDecoder(Checkpoint(folder, "vae").root, config, on: device)
        let shape = Shape(Array(try golden.shape("latents.final").dropFirst()))
        let latents = try device.backend.upload(golden.floats("latents.final"), shape)
        var bytes: [UInt8] = []
        for index in 0..<shape[1] {
            try decoder.decode(latents, frame: index) { x in
                let p = config.patchSize
                let pixels = try device.backend.allocate([x.shape[0], x.shape[1] * p, x.shape[2] * p, 3], .u8)
                try device.backend.pixels(x, patch: p, into: pixels)
                bytes += try device.backend.downloadBytes(pixels)
            }
        }
        let expected = try golden.floats("frames")
        #expect(bytes.count == expected.count)
        let worst = zip(bytes, expected).map { abs(Float($0) / 255 - $1) }.max() ?? 1
        #expect(worst < 0.6 / 255, "\(worst)")
    }
}

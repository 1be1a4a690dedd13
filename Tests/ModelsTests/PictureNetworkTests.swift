import Compute
import ComputeCPU
import Layers
import TestSupport
import TestTools
import Testing
import Weights

@testable import Models

/// The networks that read pictures against Diffusers, block by block.
@Suite(.bounded) struct PictureNetworkTests {
    private static let runs = [
        ("wan21-i2v", "unipc"), ("wan21-flf2v", "unipc"), ("wan22-i2v-a14b", "unipc"), ("wan22-i2v-a14b", "last"),
        ("wan22-ti2v", "picture"),
    ]

    private func golden(_ variant: String, _ name: String) throws -> GoldenFile {
        let folder = Fixture.model(variant).split(separator: "/").dropLast().joined(separator: "/")
        return try GoldenFile("/\(folder)/\(name).safetensors")
    }

    private func encoder(_ variant: String, on device: Device) throws -> WanVAEEncoder {
        let folder = try ModelFolder(path: Fixture.model(variant))
        let config = try folder.config("vae/config.json", as: WanVAEConfig.self, WanVAEConfig.fields)
        try config.validate(ConfigFields(file: "vae/config.json"))
        return try WanVAEEncoder(Checkpoint(folder, "vae").root, config, on: device)
    }

    /// Picture, grey between, and the last picture where there is one.
    private func clip(_ encoder: WanVAEEncoder, _ golden: GoldenFile, frames: Int) throws -> [WanVAEEncoder.Still] {
        let shape = try golden.shape("image.first")
        func still(_ name: String) throws -> WanVAEEncoder.Still {
            let planes = try golden.floats(name)
            return .init(frame: try encoder.frame(height: shape[1], width: shape[2]) { planes }, count: 1)
        }
        let grey = try encoder.grey(height: shape[1], width: shape[2])
        let last = golden.contains("image.last") ? [try still("image.last")] : []
        let between = WanVAEEncoder.Still(frame: grey, count: frames - 1 - last.count)
        return [try still("image.first"), between] + last
    }

    @Test(arguments: runs) func `the encoder equals Diffusers block by block`(_ variant: String, _ name: String) throws
    {
        let device = Device(backend: try CPUBackend(threads: 2), dtype: .f32)
        let golden = try golden(variant, name)
        let encoder = try encoder(variant, on: device)
        let shape = try golden.shape("image.condition")
        let frames = 1 + (shape[2] - 1) * encoder.config.scaleFactorTemporal
        var found: [String: [Float]] = [:]
        let latents = try encoder(clip(encoder, golden, frames: frames)) { (part, value) throws(ComputeError) in
            let whole = String(part.prefix(upTo: part.firstRange(of: ".part.")?.lowerBound ?? part.endIndex))
            found["vae.encode.\(whole)", default: []] += try device.backend.download(value)
        }
        let compared = golden.names.filter { $0.hasPrefix("vae.encode.") }
        #expect(compared.count >= 6)
        for name in compared {
            let deviation = Deviation(try #require(found[name], "\(name)"), from: try golden.floats(name))
            #expect(deviation.relative < 1e-4, "\(name): \(deviation)")
        }
        let condition = try golden.floats("image.condition")
        let deviation = Deviation(try device.backend.download(latents), from: Array(condition.suffix(latents.count)))
        #expect(deviation.relative < 1e-4, "condition: \(deviation)")
    }

    @Test(arguments: ["wan21-i2v", "wan22-i2v-a14b", "wan22-ti2v"])
    func `what is not computed again has the same bits`(_ variant: String) throws {
        let device = Device(backend: try CPUBackend(threads: 2), dtype: .f32)
        let encoder = try encoder(variant, on: device)
        let side = 32
        var random = TorchRandomSource(seed: 5)
        func picture() throws -> Tensor {
            try encoder.frame(height: side, width: side) { random.normals(3 * side * side) }
        }
        let (first, last) = (try picture(), try picture())
        let grey = try encoder.grey(height: side, width: side)
        for count in [1, 3, 38, 79] {
            // The clip's length is one more than a multiple of four.
            let lasts = 4 - count % 4
            let shown: [(frame: Tensor, count: Int)] = [(first, 1), (grey, count), (last, lasts)]
            let whole = try encoder(shown.map { .init(frame: $0.frame, count: $0.count) })
            var singles: [WanVAEEncoder.Still] = []
            for (frame, count) in shown {
                for _ in 0..<count { singles.append(.init(frame: frame, count: 1)) }
            }
            let singly = try encoder(singles)
            #expect(try device.backend.download(whole) == device.backend.download(singly), "\(count)")
        }
    }

    @Test(arguments: ["wan21-i2v", "wan22-ti2v"])
    func `memory does not grow with the clip`(_ variant: String) throws {
        func peak(_ frames: Int) throws -> Int {
            let backend = try CPUBackend(threads: 2)
            let encoder = try encoder(variant, on: Device(backend: backend, dtype: .f32))
            var random = TorchRandomSource(seed: 5)
            // Each frame another, so that all are computed.
            let pictures = try (0..<2).map { _ in
                try encoder.frame(height: 64, width: 64) { random.normals(3 * 64 * 64) }
            }
            _ = try encoder((0..<frames).map { .init(frame: pictures[$0 % 2], count: 1) })
            return backend.pool.peakBytes
        }
        let (few, many) = (try peak(9), try peak(41))
        // Beside the latents themselves, `[C, T, 8, 8]` twice.
        #expect(many - few < 8 * 2 * 6 * 64 * 4 + 4096, "\(few) for 9 frames, \(many) for 41")
    }

    @Test(arguments: [("wan21-i2v", "unipc"), ("wan21-flf2v", "unipc")])
    func `the vision tower equals transformers layer by layer`(_ variant: String, _ name: String) throws {
        let device = Device(backend: try CPUBackend(threads: 2), dtype: .f32)
        let golden = try golden(variant, name)
        let folder = try ModelFolder(path: Fixture.model(variant))
        let config = try folder.config(
            "image_encoder/config.json", as: CLIPVisionConfig.self, CLIPVisionConfig.fields)
        try config.validate(ConfigFields(file: "image_encoder/config.json"))
        let checkpoint = try Checkpoint(folder, "image_encoder")
        let tower = try CLIPVisionTower(checkpoint.root, config, on: device)
        try checkpoint.assertAllUsed(ignoring: CLIPVisionTower.ignored(config))
        let pixels = try golden.floats("image.clip_pixels")
        let side = config.imageSize
        let pictures = pixels.count / (3 * side * side)
        var found: [String: [Float]] = [:]
        for picture in 0..<pictures {
            let values = Array(pixels[picture * 3 * side * side..<(picture + 1) * 3 * side * side])
            _ = try tower(device.backend.upload(values, [3, 1, side, side])) { (part, value) throws(ComputeError) in
                found["image.clip.\(part)", default: []] += try device.backend.download(value)
            }
        }
        let compared = golden.names.filter { $0.hasPrefix("image.clip.") }
        #expect(compared.count == config.layersRead)
        for name in compared {
            let deviation = Deviation(try #require(found[name], "\(name)"), from: try golden.floats(name))
            #expect(deviation.relative < 1e-4, "\(name): \(deviation)")
        }
    }

    @Test func `CogVideoX's encoder equals Diffusers over several chunks`() throws {
        let device = Device(backend: try CPUBackend(threads: 2), dtype: .f32)
        let golden = try golden("cogvideox-shared", "encode")
        let folder = try ModelFolder(path: Fixture.model("cogvideox-5b-i2v"))
        let config = try folder.config("vae/config.json", as: CogVideoXVAEConfig.self, CogVideoXVAEConfig.fields)
        try config.validate(ConfigFields(file: "vae/config.json"))
        let encoder = try CogVideoXVAEEncoder(Checkpoint(folder, "vae").root, config, on: device)
        let pixels = try device.backend.upload(golden.floats("pixels"), Shape(golden.shape("pixels")))
        let chunks = try encoder(pixels)
        #expect(chunks.map { $0.shape[0] } == [3, 2])
        let deviation = Deviation(
            try chunks.flatMap { try device.backend.download($0) }, from: try golden.floats("moments"))
        #expect(deviation.relative < 1e-4, "\(deviation)")
    }
}

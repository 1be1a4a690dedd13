import Compute
import ComputeCPU
import FakeGPU
import FoundationEssentials
import KernelEmulation
import Pipelines
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

/// Models in 8 bits and fewer, from the files to the clip.
@Suite(.bounded(minutes: 20)) struct QuantisedLayoutTests {
    private static func fixture(_ name: String) -> String { Fixture.path("quantised/\(name)") }

    private static let vae = Fixture.path("layouts/comfy/vae/wan_2.1_vae.safetensors")

    private static let tokenizer = Fixture.path("layouts/model/tokenizer")

    struct Layout: Sendable, CustomStringConvertible {
        /// Of the folder.
        let name: String
        let transformer: String
        /// A text encoder with its tokenizer, or that of ComfyUI.
        var hasTokenizer = false

        var description: String { name }

        var places: ModelPlaces {
            var parts: [ModelPart: String] = [
                .transformer: fixture("\(name)/\(transformer)"), .vae: vae,
                .textEncoder: fixture(hasTokenizer ? "gguf/text_encoder.gguf" : "comfy/text_encoder.safetensors"),
            ]
            if !hasTokenizer { parts[.tokenizer] = tokenizer }
            return ModelPlaces(parts: parts)
        }
    }

    static let layouts = [
        Layout(name: "gguf", transformer: "transformer.gguf", hasTokenizer: true),
        Layout(name: "comfy", transformer: "transformer.safetensors"),
        Layout(name: "turbo", transformer: "transformer.pth"),
        Layout(name: "lightx2v", transformer: "transformer.safetensors"),
    ]

    /// By layout, part and name: FNV-1a of the numbers that the reference reads.
    private static func digests(_ layout: Layout) throws -> [String: [String: String]] {
        let all = try JSONDecoder().decode(
            [String: [String: [String: String]]].self, from: Data(contentsOf: URL(filePath: fixture("expected.json"))))
        return try #require(all["comfy"]).filter { $0.key == "text_encoder" }.merging(all[layout.name] ?? [:]) { $1 }
    }

    private static func digest(_ values: [Float]) -> String {
        var state: UInt64 = 0xcbf2_9ce4_8422_2325
        for value in values {
            for shift in stride(from: 0, to: 32, by: 8) {
                state = (state ^ UInt64(value.bitPattern >> shift & 0xff)) &* 0x0000_0100_0000_01b3
            }
        }
        let text = String(state, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    @Test(arguments: layouts) func `every tensor is bit for bit what the reference reads, on both devices`(
        _ layout: Layout
    ) throws {
        try Self.compareTensors(layout, on: CPUBackend(threads: 2))
        let gpu = FakeGPU(8, 9)
        try Self.compareTensors(layout, on: gpu.backend())
        #expect(gpu.finish() == [])
    }

    private static func compareTensors(_ layout: Layout, on backend: any Backend) throws {
        let folder = try ModelFiles(layout.places).folder()
        for (part, digests) in try digests(layout) {
            let checkpoint = try Checkpoint(folder, part)
            var quantised = 0
            for (key, digest) in digests {
                let stored = try checkpoint.root.tensor(key, #require(checkpoint.shape(of: key)))
                if stored.format.quantisation != nil { quantised += 1 }
                let found = try backend.download(backend.vector(stored))
                #expect(Self.digest(found) == digest, "\(part): \(key), \(backend.name)")
            }
            // All matrices of the blocks, and the table of words.
            #expect(quantised == (part == "transformer" ? 10 : 15), "\(part)")
        }
    }

    @Test func `a folder of GGUF files is a model`() throws {
        let found = try ModelFiles(ModelPlaces(model: Self.fixture("gguf"), parts: [.vae: Self.vae]))
        #expect(try found.missing() == [])
        let places = Self.layouts[0].places
        #expect(
            try Families.open(found.folder()).fingerprint == Families.open(ModelFiles(places).folder()).fingerprint)
    }

    @Test func `a file of another network is refused by what it calls it`() throws {
        var bytes = [UInt8](try Data(contentsOf: URL(filePath: Self.fixture("gguf/transformer.gguf"))))
        let field = Array("general.architecture".utf8)
        let at = try #require((0..<bytes.count - 40).first { Array(bytes[$0..<$0 + field.count]) == field })
        // Behind the type and the length of the text.
        bytes.replaceSubrange(at + field.count + 12..<at + field.count + 15, with: Array("sd3".utf8))
        let folder = try TemporaryFolder()
        try Data(bytes).write(to: URL(filePath: folder.file("transformer.gguf")))
        var places = Self.layouts[0].places
        places.parts[.transformer] = folder.file("transformer.gguf")
        let error = #expect(throws: VideoError.self) { try ModelFiles(places).folder() }
        #expect(
            error?.message.hasSuffix("general.architecture is sd3, its tensors are called as those of wan, pig, cow")
                == true)
    }

    // MARK: clips

    struct Clip {
        let latents: [Float]
        let frames: [Frame]
    }

    private static func settings(frames: Int) -> VideoSettings {
        VideoSettings(
            prompts: Prompts(positive: "a cat, moving slowly", negative: "red"),
            clip: ClipShape(width: 32, height: 16, frames: frames, framesPerSecond: 16),
            sampling: SamplingSettings(scheduler: .euler, levels: .steps(2), shift: 3, guidance: [3], seed: 1))
    }

    /// - Parameter adapter: a LoRA that the clip is made with.
    static func clip(
        _ folder: ModelFolder, on backend: any Backend, _ dtype: DType, frames count: Int = 5,
        adapter: AdapterFile? = nil
    ) throws -> Clip {
        var frames: [Frame] = []
        let dump = TensorDump()
        var settings = settings(frames: count)
        let model = try Families.open(folder)
        let pipeline = model.pipeline(on: backend, dtype: dtype)
        if let adapter {
            let input = AdapterInput(name: "style", digest: "0", strength: 0.5)
            pipeline.adapters = try AdapterSet([(input, adapter)], on: model)
            settings.adapters = [input]
        }
        try pipeline.generate(settings, report: { _ in true }, dump: dump, emit: { frames.append($0) })
        let last = try #require(dump.tensors.last { $0.name.hasSuffix(".latents") })
        guard case .floats(let latents) = last.values else { throw CancellationError() }
        return Clip(latents: latents, frames: frames)
    }

    /// The same model, what was quantised in f32.
    static func plain(_ folder: ModelFolder, _ layout: Layout) throws -> ModelFolder {
        let backend = try CPUBackend(threads: 2)
        var (files, weights) = ([String: ModelFolder.AddedFile](), [String: WeightSource]())
        for (part, digests) in try digests(layout) {
            let checkpoint = try Checkpoint(folder, part)
            var writer = SafetensorsWriter()
            for key in digests.keys {
                let shape = try #require(checkpoint.shape(of: key))
                // TurboDiffusion's is a matrix.
                let own = key == "patch_embedding.weight" ? [64, 16, 1, 2, 2] : shape
                writer.add(key, own, try backend.download(backend.vector(checkpoint.root.tensor(key, shape))))
            }
            let file = HostBytes(writer.file.header + writer.file.data)
            weights[part] = try WeightSource(TensorFiles.open(file, file: part))
            let path = "\(part)/config.json"
            files[path] = .init(try folder.bytes(path), name: path)
        }
        return folder.replacing(Set(weights.keys), files: files, weights: weights)
    }

    /// On the CPU numbers of 8 bits meet activations in levels of 16 bits.
    @Test(arguments: layouts) func `a clip is that of the same numbers in f32`(_ layout: Layout) throws {
        let folder = try ModelFiles(layout.places).folder()
        let plain = try Self.plain(folder, layout)
        for (dtype, bound) in [(DType.f32, 1e-4), (.bf16, 3e-2)] {
            let backend = try CPUBackend(threads: 2)
            let (found, expected) = (
                try Self.clip(folder, on: backend, dtype), try Self.clip(plain, on: backend, dtype)
            )
            let deviation = Deviation(found.latents, from: expected.latents)
            #expect(deviation.relative < bound, "\(dtype): \(deviation)")
            #expect(found.frames.count == 5)
            guard dtype == .f32 else { continue }
            let largest = zip(found.frames, expected.frames)
                .flatMap { zip($0.pixels, $1.pixels).map { abs(Int($0) - Int($1)) } }.max()
            #expect((largest ?? 255) <= 1)
        }
    }

    @Test(arguments: layouts) func `a GPU makes the clip of the same numbers, bit for bit`(_ layout: Layout) throws {
        let folder = try ModelFiles(layout.places).folder()
        let plain = try Self.plain(folder, layout)
        let isFirst = layout.name == "gguf" || layout.name == "turbo"
        let dtype: DType = isFirst ? .f32 : .bf16
        func clip(_ folder: ModelFolder) throws -> Clip {
            let gpu = isFirst ? FakeGPU(8, 0) : FakeGPU(9, 0)
            let clip = try Self.clip(folder, on: gpu.backend(), dtype, frames: 1)
            #expect(gpu.finish() == [])
            return clip
        }
        let (found, expected) = (try clip(folder), try clip(plain))
        #expect(found.latents == expected.latents)
        #expect(found.frames == expected.frames && found.frames.count == 1)
    }

    // MARK: memory

    @Test(arguments: layouts) func `what is quantised takes the memory of its bytes`(_ layout: Layout) throws {
        let folder = try ModelFiles(layout.places).folder()
        let model = try Families.open(folder)
        func weights(copies: Bool, _ settings: VideoSettings = Self.settings(frames: 5)) -> Int {
            let device = DeviceProfile(name: "d", dtype: .bf16, copiesWeights: copies, memoryBytes: nil)
            return model.memory(settings, on: device)[.denoise].weights
        }
        let source = try #require(folder.weights["transformer"])
        let entries = ModelFiles.tensors(of: source).filter { $0.unused == nil && $0.entry.format != nil }.map(\.entry)
        let matrices = entries.filter { $0.format?.quantisation != nil }
        let stored = matrices.reduce(0) { $0 + $1.range.count }
        #expect(matrices.count == 10 && stored > 40_000)
        // Without the scales.
        let rest = weights(copies: true) - stored
        #expect(rest > 0 && rest < 2 * 60_000, "\(rest)")
        #expect(weights(copies: false) < rest)
        var adapted = Self.settings(frames: 5)
        adapted.adapters = [AdapterInput(name: "l", digest: "", strength: 1, bytes: 1000)]
        // What the LoRA adds stays beside them, in bf16 as in its file.
        #expect(weights(copies: true, adapted) == weights(copies: true) + 1000)
        #expect(weights(copies: false, adapted) >= weights(copies: false) + 1000)
    }

    // MARK: damaged files

    /// One to three changes in the first `count` bytes.
    private static func mutant(_ bytes: [UInt8], _ count: Int, _ random: inout SplitMix) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            let at = Int.random(in: 0..<min(count, bytes.count), using: &random)
            let end = min(bytes.count, at + Int.random(in: 1...12, using: &random))
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.removeSubrange(at..<end)
            case 3: bytes.insert(contentsOf: bytes[at..<end], at: at)
            default: bytes.replaceSubrange(at..<end, with: [UInt8](repeating: 0xff, count: end - at))
            }
        }
        return bytes
    }

    /// Names of a file, bytes of it that say what the others are, and the part that it is.
    private static let mutated: [(file: String, head: Int, part: ModelPart)] = [
        ("gguf/transformer.gguf", 3000, .transformer), ("gguf/text_encoder.gguf", 6000, .textEncoder),
        ("comfy/transformer.safetensors", 9000, .transformer), ("comfy/text_encoder.safetensors", 7000, .textEncoder),
    ]

    @Test(arguments: mutated.indices) func `a damaged file is refused or read, never a trap`(_ index: Int) throws {
        let (name, head, part) = Self.mutated[index]
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: Self.fixture(name))))
        let folder = try TemporaryFolder(inMemory: true)
        let path = folder.file(name.split(separator: "/").last.map(String.init) ?? "")
        try Data(contentsOf: URL(filePath: Self.fixture("gguf/config.json")))
            .write(to: URL(filePath: folder.file("config.json")))
        var places = Self.layouts[0].places
        places.parts[part] = path
        if part == .textEncoder { places.parts[.tokenizer] = Self.tokenizer }
        let backend = try CPUBackend(threads: 1)
        var random = SplitMix(state: UInt64(index))
        var (read, refused) = (0, 0)
        for _ in 0..<300 {
            let mutant = Self.mutant(bytes, head, &random)
            try Data(mutant).write(to: URL(filePath: path))
            do throws(VideoError) {
                let found = try ModelFiles(places).folder()
                _ = try Families.open(found)
                read += 1
                guard read % 4 == 0 else { continue }
                try Self.compute(found, part, on: backend)
            } catch {
                refused += 1
                #expect(!error.message.isEmpty && error.hint?.isEmpty == false, "\(error)")
            }
        }
        #expect(read > 3 && refused > 50, "\(read) read, \(refused) refused")
    }

    /// Every number of a part.
    private static func compute(_ folder: ModelFolder, _ part: ModelPart, on backend: CPUBackend) throws(VideoError) {
        do {
            let checkpoint = try Checkpoint(folder, part.rawValue)
            for tensor in ModelFiles.tensors(of: try #require(folder.weights[part.rawValue])) {
                for name in tensor.names {
                    guard let shape = checkpoint.shape(of: name), tensor.unused == nil else { continue }
                    _ = try backend.download(backend.vector(checkpoint.root.tensor(name, shape)))
                }
            }
        } catch {
            throw VideoError(reporting: error)
        }
    }
}

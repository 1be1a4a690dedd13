import Compute
import ComputeCPU
import FoundationEssentials
import Pipelines
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

/// The same model in the layouts that people have.
@Suite(.bounded(minutes: 20)) struct LayoutTests {
    private static func fixture(_ name: String) -> String { Fixture.path("layouts/\(name)") }

    private static let model = fixture("model")
    private static let transformer = fixture("comfy/diffusion_models/wan2.1_t2v_bf16.safetensors")
    private static let textEncoder = fixture("original/models_t5_umt5-xxl-enc-bf16.pth")
    private static let vae = fixture("original/Wan2.1_VAE.pth")

    private static let taken: [ModelPlaces] = [
        ModelPlaces(model: fixture("original")), ModelPlaces(model: fixture("comfy")),
        ModelPlaces(
            model: fixture("single/wan2.1_t2v.safetensors"), parts: [.tokenizer: fixture("model/tokenizer")]),
        ModelPlaces(model: model, parts: [.transformer: transformer, .vae: fixture("comfy/vae")]),
        ModelPlaces(
            model: model, parts: [.textEncoder: textEncoder, .tokenizer: fixture("model/tokenizer/tokenizer.json")]),
        ModelPlaces(
            parts: [
                .transformer: transformer, .vae: vae, .textEncoder: textEncoder,
                .tokenizer: fixture("original/google/umt5-xxl"),
            ]),
    ]

    @Test(arguments: taken) func `a layout gives the tensors and the clip of the folder of Diffusers`(
        _ places: ModelPlaces
    ) throws {
        let found = try ModelFiles(places).folder()
        #expect(Self.problems(found, Self.model) == [])
        #expect(try Self.frames(found) == Self.frames(ModelFolder(path: Self.model)))
    }

    private static func settings(width: Int, height: Int) -> VideoSettings {
        VideoSettings(
            prompts: Prompts(positive: "a cat", negative: "red"),
            clip: ClipShape(width: width, height: height, frames: 5, framesPerSecond: 16),
            sampling: SamplingSettings(scheduler: .euler, levels: .steps(2), shift: 3, guidance: [3], seed: 1))
    }

    private static func frames(_ folder: ModelFolder) throws -> [Frame] {
        var frames: [Frame] = []
        try Families.open(folder).pipeline(on: CPUBackend(threads: 1), dtype: .f32)
            .generate(
                settings(width: 32, height: 16), report: { _ in true }, dump: nil, emit: { frames.append($0) })
        return frames
    }

    /// Files that are no whole model, and what is said of them.
    private static let refused: [(places: ModelPlaces, message: String, field: Term)] = [
        (ModelPlaces(model: fixture("comfy/diffusion_models")), "no text encoder among the files", .textEncoder),
        (ModelPlaces(model: transformer), "no text encoder among the files", .textEncoder),
        (ModelPlaces(model: fixture("original/google")), "no model_index.json", .model),
        (ModelPlaces(model: model, parts: [.vae: textEncoder]), "no VAE in it", .vae),
        (ModelPlaces(model: model, parts: [.vae: fixture("")]), "several files with a VAE", .vae),
        (ModelPlaces(model: fixture("")), "files with a", .model),
        (
            ModelPlaces(parts: [.transformer: transformer, .vae: vae, .textEncoder: textEncoder]),
            "no tokenizer in it or beside it", .tokenizer
        ),
        (ModelPlaces(model: model, parts: [.tokenizer: fixture("comfy/vae")]), "no tokenizer.json", .tokenizer),
    ]

    @Test(arguments: refused.indices) func `what is missing or twice there is asked for by name`(_ index: Int) throws {
        let test = Self.refused[index]
        let error = #expect(throws: VideoError.self) { try ModelFiles(test.places).folder() }
        #expect(error?.message.contains(test.message) == true && error?.field == test.field, "\(error as Any)")
        #expect(error?.hint?.isEmpty == false)
    }

    @Test(arguments: [
        "model.diffusion_model.mixins.final_layer.adaLN_modulation.1.weight",
        "decoder.up.0.block.0.norm1.conv_y.conv.weight",
    ])
    func `a CogVideoX as its authors train it is refused by that name`(_ key: String) throws {
        let folder = try TemporaryFolder()
        var writer = SafetensorsWriter()
        writer.add(key, [1], [Float(0)])
        let file = folder.file("m.safetensors")
        try Data(writer.file.header + writer.file.data).write(to: URL(filePath: file))
        for places in [ModelPlaces(model: folder.path), ModelPlaces(model: file)] {
            let error = #expect(throws: VideoError.self) { try ModelFiles(places).folder() }
            #expect(error?.message.contains("CogVideoX as its authors train it (SAT)") == true, "\(error as Any)")
            #expect(error?.hint?.contains("folder of Diffusers") == true)
        }
    }

    // MARK: parts that say little of themselves

    private static let foldered = ["cogvideox-2b", "cogvideox-5b-i2v", "cogvideox1.5-5b-i2v"]

    /// A part's weights in a file by itself, their names behind a prefix.
    private static func write(_ part: String, of model: String, behind prefix: String, to path: String) throws {
        let file = "\(model)/\(part)/diffusion_pytorch_model.safetensors"
        let bytes = try Data(contentsOf: URL(filePath: file))
        let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        var header = String(decoding: bytes[8..<8 + length], as: UTF8.self)
        for key in try Checkpoint(ModelFolder(path: model), part).keys {
            header = header.replacing("\"\(key)\":", with: "\"\(prefix)\(key)\":")
        }
        header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let start = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
        try (Data(start) + Data(header.utf8) + bytes[(8 + length)...]).write(to: URL(filePath: path))
    }

    @Test(arguments: foldered, ["", "model.diffusion_model."])
    func `one file takes the place of a part of a folder that says the rest`(_ name: String, _ prefix: String) throws {
        let model = Fixture.path("\(name)/model")
        let folder = try TemporaryFolder()
        let (transformer, vae) = (folder.file("transformer.safetensors"), folder.file("vae.safetensors"))
        try Self.write("transformer", of: model, behind: prefix, to: transformer)
        try Self.write("vae", of: model, behind: prefix.isEmpty ? "" : "vae.", to: vae)
        let found = try ModelFiles(ModelPlaces(model: model, parts: [.transformer: transformer, .vae: vae])).folder()
        #expect(Self.problems(found, model) == [])
        let (own, whole) = (try Families.open(found), try Families.open(ModelFolder(path: model)))
        #expect(own.fingerprint == whole.fingerprint && own.grid == whole.grid && own.pictures == whole.pictures)
        // Shapes say too little for a model of such files alone.
        for places in [ModelPlaces(model: transformer), ModelPlaces(model: folder.path), ModelPlaces(model: vae)] {
            let error = #expect(throws: VideoError.self) { try ModelFiles(places).folder() }
            #expect(error?.message.contains("no shape tells") == true && error?.field == .model, "\(error as Any)")
            #expect(error?.hint?.contains("folder of Diffusers") == true)
            #expect(try ModelFiles(places).missing().contains(.textEncoder))
        }
        // Of another model, of the same family and of another.
        for (other, part, path) in [
            ("cogvideox-5b", ModelPart.transformer, transformer), ("wan21-t2v", .transformer, transformer),
            ("wan22-ti2v", .vae, vae),
        ] {
            let error = #expect(throws: VideoError.self) {
                try Families.open(
                    ModelFiles(ModelPlaces(model: Fixture.path("\(other)/model"), parts: [part: path])).folder())
            }
            #expect(error?.code == .weightsInvalid && error?.message.contains(path) == true, "\(error as Any)")
            #expect(error?.hint?.isEmpty == false)
        }
        let wan = ModelPlaces(model: model, parts: [.transformer: Self.transformer])
        let error = #expect(throws: VideoError.self) { try ModelFiles(wan).folder() }
        #expect(error?.message.contains("it is of WanTransformer3DModel") == true, "\(error as Any)")
    }

    // MARK: many layouts

    private static let folders: [String] = {
        guard let root = ProcessInfo.processInfo.environment["WAN_LAYOUTS"] else { return [] }
        let found = (try? FileManager.default.subpathsOfDirectory(atPath: root)) ?? []
        return found.filter { $0.hasSuffix("/layout.json") }.sorted().map { "\(root)/\($0.dropLast(12))" }
    }()

    private struct Layout: Decodable {
        let args: [String]
        let expect: String
        let mentions: [String]
    }

    private static let parts: [String: ModelPart] = [
        "--transformer": .transformer, "--transformer-2": .transformer2, "--vae": .vae,
        "--text-encoder": .textEncoder, "--image-encoder": .imageEncoder, "--tokenizer": .tokenizer,
    ]

    private static func places(_ layout: Layout, in folder: String) -> ModelPlaces {
        var places = ModelPlaces()
        for index in stride(from: 0, to: layout.args.count - 1, by: 2) {
            let path = layout.args[index + 1].replacing("{model}", with: "\(folder)/model")
            if let part = parts[layout.args[index]] { places.parts[part] = path } else { places.model = path }
        }
        return places
    }

    /// As `make_layouts.py` writes them: each loads to the tensors beside it, or is refused in the words beside it.
    @Test(.enabled(if: !folders.isEmpty, "WAN_LAYOUTS names no folder with layouts"), arguments: folders)
    func `a layout loads to its model or is refused in words`(_ folder: String) throws {
        let layout = try JSONDecoder().decode(
            Layout.self, from: Data(contentsOf: URL(filePath: "\(folder)/layout.json")))
        do throws(VideoError) {
            let found = try ModelFiles(Self.places(layout, in: folder)).folder()
            _ = try Families.open(found)
            #expect(layout.expect != "refuse", "\(folder) was taken")
            guard layout.expect != "refuse" else { return }
            let problems = Self.problems(found, "\(folder)/expected")
            #expect(problems.isEmpty, "\(folder): \(problems.prefix(5))")
            let deviation = try Self.deviation(found, "\(folder)/expected")
            #expect(deviation < 1e-3, "\(folder): latents \(deviation)")
            print("LAYOUT \(problems.isEmpty ? "equal" : "DIFFERS") \(folder), latents \(deviation)")
        } catch {
            let text = "\(error.message); \(error.hint ?? "")"
            let isSaid = layout.mentions.contains { text.contains($0) }
            #expect(layout.expect != "run" && isSaid, "\(folder): \(text)")
            print("LAYOUT \(layout.expect != "run" && isSaid ? "refused" : "WRONG") \(folder): \(text)")
        }
    }

    /// How far a clip's latents are from those that the folder of Diffusers gives.
    private static func deviation(_ found: ModelFolder, _ expected: String) throws(VideoError) -> Double {
        do {
            return try Deviation(latents(found), from: latents(ModelFolder(path: expected))).relative
        } catch {
            throw VideoError(reporting: error)
        }
    }

    private static func latents(_ folder: ModelFolder) throws -> [Float] {
        let model = try Families.open(folder)
        var settings = settings(width: 64, height: 32)
        settings.inputs = model.pictures.needed.map { ClipInput(role: $0, digest: "") }
        let pixels = (0..<64 * 32 * 3).map { UInt8(truncatingIfNeeded: 7 * $0) }
        let picture = Frame(width: 64, height: 32, pixels: pixels)
        let dump = TensorDump()
        try model.pipeline(on: CPUBackend(threads: 2), dtype: .f32)
            .generate(
                settings, pictures: Dictionary(uniqueKeysWithValues: model.pictures.needed.map { ($0, picture) }),
                checkpoint: nil, report: { _ in true }, dump: dump, emit: { _ in })
        guard case .floats(let latents)? = dump.tensors.last(where: { $0.name.hasSuffix(".latents") })?.values else {
            throw VideoError(.internalError, "no latents")
        }
        return latents
    }

    /// What of the expected folder's tensors is not the same in the one that was found.
    private static func problems(_ found: ModelFolder, _ expected: String) -> [String] {
        var problems: [String] = []
        do {
            let folder = try ModelFolder(path: expected)
            let backend = try CPUBackend(threads: 2)
            func bits(_ tensor: StoredTensor) throws -> [UInt32] {
                try backend.download(backend.vector(tensor)).map(\.bitPattern)
            }
            for part in ModelPart.allCases where folder.isFolder(part.rawValue) && part != .tokenizer {
                let (wanted, own) = (try Checkpoint(folder, part.rawValue), try Checkpoint(found, part.rawValue))
                for key in wanted.keys.sorted() {
                    let shape = wanted.shape(of: key) ?? []
                    let prefix =
                        own.root.contains(key) || !own.root.contains("vision_model.\(key)") ? "" : "vision_model."
                    let (one, other) = (try wanted.root.tensor(key, shape), try own.root.tensor(prefix + key, shape))
                    if try bits(one) != bits(other) { problems.append("\(part.rawValue): \(key)") }
                }
            }
        } catch {
            problems.append("\(error)")
        }
        return problems
    }
}

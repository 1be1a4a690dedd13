import Compute
import ComputeCPU
import Crypto
import FoundationEssentials
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

/// LoRAs in every spelling give the weights that they must, and clips follow.
@Suite(.bounded(minutes: 20)) struct AdapterTests {
    /// One of `Tests/Reference/loras.py`, or of a folder of the same form that `WAN_LORA_CASES` names.
    struct Case: Decodable, CustomTestStringConvertible {
        let name: String
        let model: String
        let loras: [String]
        let weights: String
        /// "run", "refuse" or "either"; nil for the first.
        let expect: String?
        /// Words of which a refusal has one.
        let mentions: [String]?

        var testDescription: String { name }
    }

    private static let folder = Fixture.path("loras")

    private static func cases(in folder: String) throws -> [Case] {
        try JSONDecoder().decode([Case].self, from: Data(contentsOf: URL(filePath: "\(folder)/cases.json")))
    }

    private static func planner(_ model: String) throws -> VideoPlanner {
        try VideoPlanner(.folder(model.hasPrefix("/") ? model : Fixture.model(model)))
    }

    private static func choices(_ test: Case, in folder: String) throws -> [AdapterChoice] {
        try test.loras.map { text in
            var choice = try #require(AdapterChoice(text))
            choice.name = "\(folder)/\(choice.name)"
            return choice
        }
    }

    @Test(arguments: try cases(in: folder))
    func `every spelling gives the same weights`(_ test: Case) throws {
        try Self.compare(test, in: Self.folder)
    }

    private static let others = ProcessInfo.processInfo.environment["WAN_LORA_CASES"]

    @Test(.enabled(if: others != nil, "WAN_LORA_CASES names no folder with cases"))
    func `what other programs write gives the weights that they say`() throws {
        let folder = try #require(Self.others)
        let cases = try Self.cases(in: folder)
        for test in cases { try Self.compare(test, in: folder) }
        #expect(!cases.isEmpty)
    }

    private static func compare(_ test: Case, in folder: String) throws {
        let planner = try planner(test.model)
        let adapters: AdapterSet
        do {
            adapters = try planner.adapters(choices(test, in: folder))
        } catch let error as VideoError {
            let text = error.message + (error.hint ?? "")
            #expect(test.expect == "refuse" || test.expect == "either", "\(test.name): \(text)")
            #expect((test.mentions ?? []).contains { text.contains($0) }, "\(test.name): \(text)")
            #expect(error.field == .adapters && !error.remedies.isEmpty && !error.message.contains("\n"))
            return
        }
        #expect(test.expect != "refuse", "\(test.name) was taken")
        if test.expect == "either" {
            let remarks = adapters.reports.flatMap(\.unmatched)
            #expect(remarks.contains { name in (test.mentions ?? []).contains { name.contains($0) } }, "\(remarks)")
        }
        let golden = try GoldenFile("\(folder)/weights/\(test.weights).safetensors")
        var unseen = Set(golden.names)
        let model = try ModelFolder(path: test.model.hasPrefix("/") ? test.model : Fixture.model(test.model))
        let backend = try CPUBackend(threads: 2)
        for (expert, component) in ["transformer", "transformer_2"].enumerated() where model.exists(component) {
            let checkpoint = try Checkpoint(model, component)
            let deltas = adapters.network(expert: expert, step: 0).deltas
            for key in checkpoint.keys {
                let shape = try #require(checkpoint.shape(of: key))
                let stored = try checkpoint.root.tensor(key, shape)
                let found = try checkpoint.root.adding(deltas, on: backend).tensor(key, shape)
                guard unseen.remove("\(component).\(key)") != nil else {
                    // Differences of zeros are differences.
                    if !deltas.keys.contains(key) { #expect(found.bytes.copied == stored.bytes.copied, "\(key)") }
                    continue
                }
                let deviation = Deviation(found.bytes.floats, from: try golden.floats("\(component).\(key)"))
                #expect(deviation.relative < 1e-6, "\(test.name) \(key): \(deviation)")
            }
        }
        #expect(unseen.isEmpty, "\(test.name): unchanged \(unseen.sorted())")
    }

    // MARK: Clips

    private struct Arguments: Decodable {
        let prompt: String
        let negative_prompt: String
        let frames: Int
        let height: Int
        let width: Int
        let steps: Int
        let guidance: Double
        let seed: UInt64
    }

    /// Latents of each step of the golden run of wan21-t2v.
    private static func latents(
        _ pipeline: any VideoPipeline, _ adapters: AdapterSet
    ) throws -> [[Float]] {
        let path = Fixture.model("wan21-t2v") + "/../unipc.json"
        let arguments = try JSONDecoder().decode(Arguments.self, from: Data(contentsOf: URL(filePath: path)))
        let settings = VideoSettings(
            prompts: Prompts(positive: arguments.prompt, negative: arguments.negative_prompt),
            clip: ClipShape(
                width: arguments.width, height: arguments.height, frames: arguments.frames, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .unipc, levels: .steps(arguments.steps), shift: pipeline.model.folderShift,
                guidance: [arguments.guidance], seed: arguments.seed),
            adapters: adapters.inputs)
        pipeline.adapters = adapters
        let dump = TensorDump()
        try pipeline.generate(settings, report: { _ in true }, dump: dump, emit: { _ in })
        return dump.tensors.filter { $0.name.hasSuffix(".latents") }.compactMap {
            if case .floats(let floats) = $0.values { floats } else { nil }
        }
    }

    private static func stack() throws -> (planner: VideoPlanner, choices: [AdapterChoice]) {
        let test = try #require(try cases(in: folder).first { $0.name == "stack" })
        return (try planner(test.model), try choices(test, in: folder))
    }

    @Test func `every step is the one that Diffusers makes with the LoRAs beside its weights`() throws {
        let (planner, choices) = try Self.stack()
        let pipeline = try planner.model.pipeline(on: CPUBackend(threads: 2), dtype: .f32)
        let found = try Self.latents(pipeline, planner.adapters(choices))
        let golden = try GoldenFile("\(Self.folder)/latents/stack.safetensors")
        #expect(found.count == golden.names.count && found.count == 4)
        for (name, latents) in zip(golden.names, found) {
            let deviation = Deviation(latents, from: try golden.floats(name))
            #expect(deviation.relative < 1e-4, "\(name): \(deviation)")
        }
    }

    @Test func `a warm model wears what each clip asks for`() throws {
        let (planner, choices) = try Self.stack()
        let pipeline = try planner.model.pipeline(on: CPUBackend(threads: 2), dtype: .f32)
        let plain = try Self.latents(pipeline, .none)
        let worn = try Self.latents(pipeline, planner.adapters(choices))
        var weaker = choices
        weaker[0].strength = 0.5
        let weak = try Self.latents(pipeline, planner.adapters(weaker))
        #expect(Set([plain, worn, weak].map(\.last)).count == 3)
        #expect(try Self.latents(pipeline, .none) == plain)
        #expect(try Self.latents(pipeline, planner.adapters(choices)) == worn)
        var off = choices
        for index in off.indices { off[index].strength = 0 }
        #expect(try Self.latents(pipeline, planner.adapters(off)) == plain)
    }

    @Test func `a LoRA serves the steps that it is given for`() throws {
        let (planner, choices) = try Self.stack()
        let pipeline = try planner.model.pipeline(on: CPUBackend(threads: 2), dtype: .f32)
        let always = try Self.latents(pipeline, planner.adapters(choices))
        let first = choices.map { AdapterChoice($0.name, strength: $0.strength, steps: 1...2) }
        let half = try Self.latents(pipeline, planner.adapters(first))
        #expect(half[..<2] == always[..<2] && half[2] != always[2])
        // Both phases together are the whole.
        let rest = choices.map { AdapterChoice($0.name, strength: $0.strength, steps: 3...4) }
        #expect(try Self.latents(pipeline, planner.adapters(first + rest)) == always)
    }

    // MARK: Whose it is

    @Test func `a file for one of two experts says so in its name or is asked about`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("style.safetensors")
        try FileManager.default.copyItem(atPath: "\(Self.folder)/style_high_noise.safetensors", toPath: path)
        let two = try Self.planner("wan22-a14b")
        let error = #expect(throws: VideoError.self) { try two.adapters([AdapterChoice(path)]) }
        #expect(error?.message.contains("two experts") == true && error?.hint?.contains("high=") == true)
        for (expert, changed) in [(AdapterExpert.high, [true, false]), (.low, [false, true]), (.both, [true, true])] {
            let set = try two.adapters([AdapterChoice(path, expert: expert)])
            #expect((0..<2).map { !set.network(expert: $0, step: 0).deltas.isEmpty } == changed)
        }
        let one = try Self.planner("wan21-t2v")
        let file = "\(Self.folder)/peft.safetensors"
        #expect(throws: VideoError.self) { try one.adapters([AdapterChoice(file, expert: .high)]) }
        #expect(try one.adapters([AdapterChoice(file, expert: .both)]).inputs.first?.expert == .both)
    }

    // MARK: Names of a folder

    @Test func `a folder gives LoRAs by name and nothing else`() throws {
        let folder = try TemporaryFolder()
        let source = "\(Self.folder)/peft.safetensors"
        for name in ["style.safetensors", ".hidden.safetensors", "a b.safetensors", "notes.txt"] {
            try FileManager.default.copyItem(atPath: source, toPath: folder.file(name))
        }
        let planner = try VideoPlanner(.folder(Fixture.model("wan21-t2v")), adapters: .folder(folder.path))
        #expect(planner.adapters.map(\.name) == ["style"])
        let input = try #require(try planner.adapters([AdapterChoice("style", strength: 0.5)]).inputs.first)
        #expect(input.name == "style" && input.digest.count == 64)
        for name in [source, "../\(folder.path)/style", "style.safetensors", ".hidden", "a b", "notes", "", "x"] {
            let error = #expect(throws: VideoError.self) { try planner.adapters([AdapterChoice(name)]) }
            #expect(error?.code == .invalidRequest && error?.message.contains(folder.path) == false, "\(name)")
        }
        // What settings name is what it was.
        let settings = try planner.order(for: Self.request("style")).settings
        #expect(try planner.adapters(of: settings).inputs == settings.adapters)
        let worker = try VideoEngine(
            EngineOptions(model: .folder(Fixture.model("wan21-t2v")), dtype: .f32, adapters: .folder(folder.path)),
            backend: CPUBackend(threads: 2))
        let clip = try worker.generate(settings, to: folder.file("clip.mp4"), checkpoint: nil) { _ in true }
        #expect(clip.adapters?.first?.name == "style" && clip.settings == settings)
        try Data(contentsOf: URL(filePath: "\(Self.folder)/comfy-ab.safetensors"))
            .write(to: URL(filePath: folder.file("style.safetensors")))
        let error = #expect(throws: VideoError.self) { try planner.adapters(of: settings) }
        #expect(error?.code == .weightsInvalid && error?.message.contains("style") == true)
        let none = try VideoPlanner(.folder(Fixture.model("wan21-t2v")), adapters: .none)
        #expect(throws: VideoError.self) { try none.adapters([AdapterChoice(source)]) }
    }

    @Test func `with another configuration beside it a LoRA is another`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("adapter_model.safetensors")
        try FileManager.default.copyItem(atPath: "\(Self.folder)/peft-bare.safetensors", toPath: path)
        let planner = try Self.planner("wan21-t2v")
        func input(_ config: String?) throws -> AdapterInput {
            let place = folder.file("adapter_config.json")
            if let config {
                try Data(config.utf8).write(to: URL(filePath: place))
            } else {
                try FileManager.default.removeItem(atPath: place)
            }
            return try #require(try planner.adapters([AdapterChoice(path)]).inputs.first)
        }
        let texts = [#"{"r": 2, "lora_alpha": 4}"#, #"{"r": 2, "lora_alpha": 16}"#, #"{"r": 2, "lora_alpha": 4}"#, nil]
        let digests = try texts.map { try input($0).digest }
        #expect(digests[0] == digests[2] && Set(digests).count == 3)
        // By itself it has the digest that other programs print.
        #expect(try digests[3] == SHA256.hex(Data(contentsOf: URL(filePath: path))))
    }

    private static func request(_ adapter: String) -> VideoRequest {
        var request = VideoRequest(prompt: "a bird")
        (request.width, request.height, request.frames, request.steps) = (16, 16, 1, 4)
        request.adapters = [AdapterChoice(adapter)]
        return request
    }

    @Test func `a clip says which LoRAs it was made with`() throws {
        let folder = try TemporaryFolder()
        let engine = try VideoEngine(
            EngineOptions(model: .folder(Fixture.model("wan21-t2v")), dtype: .f32), backend: CPUBackend(threads: 2))
        let report = try engine.generate(
            Self.request("\(Self.folder)/alphas.safetensors"), to: folder.file("clip.mp4")
        ) { _ in true }
        let changed = try GoldenFile("\(Self.folder)/weights/alphas.safetensors").names.count
        #expect(report.adapters == [AdapterReport(name: "alphas", changed: changed, unmatched: [])])
        #expect(report.settings.jsonFields.last?.0 == "loras")
        let copy = try JSONDecoder().decode(VideoSettings.self, from: JSONEncoder().encode(report.settings))
        #expect(copy == report.settings && VideoRequest(copy).adapters?.first?.name == "alphas")
        #expect(throws: VideoError.self) { try engine.plan(for: Self.request("/none.safetensors")) }
    }
}

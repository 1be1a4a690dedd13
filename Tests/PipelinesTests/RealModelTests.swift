import Compute
import FoundationEssentials
import Pipelines
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

/// The published models at full size, without their numbers.
@Suite(.bounded) struct RealModelTests {
    private static let tokenizer = Fixture.path("wan21-t2v/model/tokenizer")

    private func write(_ name: String, to folder: TemporaryFolder) throws {
        try SparseModel(path: Fixture.path("real-shapes.json")).write(name, to: folder.path)
        try FileManager.default.copyItem(atPath: Self.tokenizer, toPath: folder.file("tokenizer"))
    }

    private static let models = [
        "wan2.1-t2v-1.3b", "wan2.1-t2v-14b", "wan2.2-ti2v-5b", "wan2.2-t2v-a14b", "cogvideox-2b", "cogvideox-5b",
        "cogvideox-5b-i2v", "cogvideox1.5-5b", "cogvideox1.5-5b-i2v",
    ]

    @Test(arguments: models)
    func `every tensor of a published model is found and used`(_ name: String) throws {
        let folder = try TemporaryFolder()
        try write(name, to: folder)
        let model = try ModelFolder(path: folder.path)
        _ = try Families.open(model)
        let root = Fixture.path("").split(separator: "/").dropLast(3).joined(separator: "/")
        let manifest = try Manifest(MappedFile.open("/\(root)/weights-manifest.json"))
        let entry = try #require(manifest.entry(matching: Traits(model)))
        #expect(entry.id == name)
        for (part, component) in entry.components {
            let bytes = try Checkpoint(model, part).byteCount
            #expect([2, 4].contains { component.parameters * $0 == bytes }, "\(part)")
        }
    }

    @Test(arguments: models)
    func `a plan without weights is the plan with them`(_ name: String) throws {
        let folder = try TemporaryFolder()
        try write(name, to: folder)
        let root = Fixture.path("").split(separator: "/").dropLast(3).joined(separator: "/")
        let manifest = try Manifest(MappedFile.open("/\(root)/weights-manifest.json"))
        let entry = try #require(manifest.entry(named: name))
        let published = try Families.open(
            published: #require(entry.folder), parameters: entry.components.mapValues(\.parameters))
        let model = try Families.open(ModelFolder(path: folder.path))
        let settings = VideoSettings(
            // Longer than any model reads.
            prompt: String(repeating: "a bird and ", count: 600), negativePrompt: "", width: 832, height: 448,
            frames: 33, framesPerSecond: 16, steps: 30, guidanceScale: 5, guidanceScale2: 4, flowShift: 5,
            scheduler: .unipc, sigmas: nil, seed: 1, tilesVAE: false)
        let device = DeviceProfile(name: "d", dtype: .bf16, copiesWeights: true, memoryBytes: nil)
        let (found, expected) = (published.work(settings, on: device), model.work(settings, on: device))
        #expect(found.flops == expected.flops && found.tokens == expected.tokens)
        for (stage, bytes) in expected.peakBytes {
            // The manifest counts parameters; files hold a few more that nothing reads.
            #expect(abs(Double(found.peakBytes[stage] ?? 0) / Double(bytes) - 1) < 0.01, "\(stage)")
        }
    }

    @Test func `a published model with one tensor of another shape is refused by name`() throws {
        let folder = try TemporaryFolder()
        try write("wan2.1-t2v-1.3b", to: folder)
        let config = folder.file("transformer/config.json")
        let text = try String(contentsOf: URL(filePath: config), encoding: .utf8)
        try Data(text.replacing("\"ffn_dim\": 8960", with: "\"ffn_dim\": 8961").utf8).write(to: URL(filePath: config))
        let error = #expect(throws: VideoError.self) {
            try Families.open(ModelFolder(path: folder.path))
        }
        #expect(error?.message.contains("blocks.0.ffn.net.0.proj.weight") == true, "\(String(describing: error))")
    }
}

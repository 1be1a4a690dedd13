import Foundation
import HTTPClient
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import ModelHub

/// A tiny model on a fake hub, and a folder to pull it into.
struct Scene {
    static let model = "wan2.1-t2v-1.3b"
    static let small = Fixture.model("wan21-t2v")
    static let weights = "vae/diffusion_pytorch_model.safetensors"
    /// What lies in repositories and nothing here reads.
    static let others: [String: [UInt8]] = [
        "README.md": Array("# a model".utf8), "assets/teaser.png": [1, 2, 3], ".gitattributes": [4],
        "transformer/diffusion_pytorch_model.safetensors": [5], "vae/diffusion_pytorch_model.fp16.safetensors": [6],
        "vae/diffusion_pytorch_model.bin": [7], "transformer/diffusion_pytorch_model-00001-of-00014.safetensors": [8],
        "text_encoder/pytorch_model.bin": [9], "tokenizer/special_tokens_map.json": [10],
    ]

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    var root: String { folder.file("models") }
    var place: String { "\(root)/\(Self.model)" }

    /// Small pieces, short pauses.
    func settings(_ hub: FakeHub, token: String? = "hf_secret", root: String? = nil) throws -> HubSettings {
        var settings = HubSettings(endpoint: try WebAddress(hub.hub.url), token: token, root: root ?? self.root)
        settings.segmentBytes = 20_000
        settings.pauseSeconds = 0.01
        settings.spareBytes = 0
        return settings
    }

    static func order(_ pinned: [String: String] = [:]) -> ModelPull.Order {
        ModelPull.Order(model: model, repository: FakeHub.repository, pinned: pinned)
    }

    @discardableResult
    func pull(
        _ hub: FakeHub, _ settings: HubSettings? = nil, pinned: [String: String] = [:],
        report: (PullProgress) -> Bool = { _ in true }
    ) throws -> PulledModel {
        try ModelPull(Self.order(pinned), try settings ?? self.settings(hub)).run(report)
    }

    /// What a pull fails with.
    func failure(_ hub: FakeHub, _ settings: HubSettings? = nil, pinned: [String: String] = [:]) throws -> HubError? {
        let pull = ModelPull(Self.order(pinned), try settings ?? self.settings(hub))
        do throws(HubError) {
            _ = try pull.run { _ in true }
            return nil
        } catch {
            return error
        }
    }

    /// What is in the model's folder, hidden names too.
    var names: Set<String> {
        get throws {
            let files = FileManager.default
            return Set(
                try files.subpathsOfDirectory(atPath: place).filter { path in
                    let kind = try files.attributesOfItem(atPath: "\(place)/\(path)")[.type] as? FileAttributeType
                    return kind != .typeDirectory
                })
        }
    }

    /// Whether every file is byte for byte the hub's, and nothing else is there.
    func expectWhole(_ hub: FakeHub) throws {
        let own = Set(try FileManager.default.subpathsOfDirectory(atPath: Self.small).filter { hub.files[$0] != nil })
        let wanted = own.subtracting(Self.others.keys)
        #expect(try names == wanted.union([".lock", ".wan-infer-pull.json"]))
        for path in wanted {
            let bytes = try Data(contentsOf: URL(filePath: "\(place)/\(path)"))
            #expect([UInt8](bytes) == hub.files[path], "\(path)")
        }
    }
}

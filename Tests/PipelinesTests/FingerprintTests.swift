import FoundationEssentials
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import Pipelines

/// Models of equal shape and other numbers are told apart.
@Suite(.bounded) struct FingerprintTests {
    @Test func `one other bit in the tensors that stand for a network is another model`() throws {
        let folder = try TemporaryFolder()
        let model = folder.file("model")
        try FileManager.default.copyItem(atPath: Fixture.path("wan22-a14b/model"), toPath: model)
        let original = try Families.open(ModelFolder(path: model)).fingerprint
        #expect(try Families.open(ModelFolder(path: model)).fingerprint == original)
        var seen: Set<String> = [original]
        for (component, key) in [
            ("text_encoder", "encoder.final_layer_norm.weight"), ("transformer", "proj_out.weight"),
            ("transformer_2", "proj_out.weight"), ("vae", "decoder.conv_out.weight"),
        ] {
            let files = try FileManager.default.contentsOfDirectory(atPath: "\(model)/\(component)")
            for file in files where file.hasSuffix(".safetensors") {
                let path = "\(model)/\(component)/\(file)"
                var bytes = try Data(contentsOf: URL(filePath: path))
                guard let entry = try Safetensors(MappedFile.open(path), file: path).entries[key] else { continue }
                bytes[entry.range.upperBound - 1] ^= 1
                try bytes.write(to: URL(filePath: path))
            }
            #expect(seen.insert(try Families.open(ModelFolder(path: model)).fingerprint).inserted, "\(component)")
        }
    }
}

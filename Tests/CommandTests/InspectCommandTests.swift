import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import wan_infer

/// What the files of a model are, told by the built program without loading them.
@Suite(.bounded) struct InspectCommandTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path

    private static func fixture(_ name: String) -> String {
        Fixture.path(name).replacing("CommandTests", with: "PipelinesTests")
    }

    private func run(_ words: [String]) throws -> Subprocess {
        try Subprocess(Self.path, words, folder: folder.path, environment: ["HOME": folder.path])
    }

    private func inspect(_ words: String...) throws -> Subprocess { try run(["models", "inspect"] + words) }

    @Test func `a checkpoint of 57 GB is told by its header`() throws {
        // As the authors store it.
        let shapes = try String(contentsOfFile: Self.fixture("real-shapes.json"), encoding: .utf8)
            .replacing("\"BF16\"", with: "\"F32\"")
        try shapes.write(toFile: folder.file("shapes.json"), atomically: true, encoding: .utf8)
        try SparseModel(path: folder.file("shapes.json"))
            .write("wan2.1-t2v-14b", to: folder.file("m"), shardBytes: .max)
        let file = "m/transformer/diffusion_pytorch_model.safetensors"
        let size = try FileManager.default.attributesOfItem(atPath: folder.file(file))[.size] as? Int
        #expect(size.map { $0 > 57_000_000_000 } == true)
        try FileManager.default.copyItem(
            atPath: Fixture.model("wan21-t2v") + "/tokenizer", toPath: folder.file("m/tokenizer"))
        PageCache.drop(folder.file(file))
        let all = try inspect("m")
        #expect(all.status == 0, "\(all.errors)")
        #expect(PageCache.bytes(of: folder.file(file)) < 64 << 20)
        #expect(
            all.output.hasPrefix("model       wan2.1-t2v-14b\nlayout      a folder of Diffusers\n"), "\(all.output)")
        #expect(all.output.contains("1095 tensors, 57.2 GB: 1095 F32\n"), "\(all.output)")
        let part = try inspect(file)
        #expect(part.status == 0, "\(part.errors)")
        let head = "model       not told\nlayout      one file\ntransformer: \(file)\n"
        #expect(part.output.hasPrefix(head), "\(part.output)")
        #expect(part.output.contains("\nmissing     text encoder, VAE, tokenizer\n"), "\(part.output)")
        #expect(part.output.contains("\n  hint: give one: --text-encoder FILE\n"), "\(part.output)")
    }

    @Test func `every tensor, its file, its use and what is left unused are listed`() throws {
        let (model, vae) = (Self.fixture("layouts/model"), Self.fixture("layouts/original/Wan2.1_VAE.pth"))
        let found = try inspect(model, "--vae", vae, "--verbose")
        #expect(found.status == 0, "\(found.errors)")
        #expect(
            found.output.contains("\nVAE: \(vae)\n            torch.save, original names, 2.1\n"), "\(found.output)")
        #expect(
            found.output.contains(
                "  \(vae): decoder.head.2.bias BF16 [3] -> decoder.conv_out.bias\n"), "\(found.output)")
        let json = try inspect(model, "--vae", vae, "--json")
        let object = try #require(JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(object["layout"] as? String == "a folder of Diffusers" && object["problem"] is NSNull)
        let parts = try #require(object["parts"] as? [[String: Any]])
        #expect(parts.compactMap { $0["part"] as? String } == ["transformer", "vae", "text_encoder"])
        let tensors = try #require(parts[1]["tensors"] as? [[String: Any]])
        #expect(tensors.allSatisfy { $0["unused"] is NSNull && $0["file"] as? String == vae })
        #expect(tensors.contains { $0["used_as"] as? [String] == ["decoder.conv_out.bias"] })
    }

    @Test func `types of quantised tensors are named, and what their scales are for`() throws {
        let vae = Self.fixture("layouts/original/Wan2.1_VAE.pth")
        let gguf = try inspect(Self.fixture("quantised/gguf"), "--vae", vae)
        #expect(gguf.status == 0, "\(gguf.errors)")
        #expect(gguf.output.contains("\n            GGUF, original names\n"), "\(gguf.output)")
        #expect(gguf.output.contains(" Q4_K") && gguf.output.contains(" Q8_0"), "\(gguf.output)")
        #expect(!gguf.output.contains("missing") && !gguf.output.contains("does not run"), "\(gguf.output)")
        let file = Self.fixture("quantised/comfy/transformer.safetensors")
        let fp8 = try inspect(file, "--verbose")
        let name = "  \(file): model.diffusion_model.blocks.0.self_attn.q"
        #expect(fp8.output.contains("\(name).scale_weight F32 [] -> blocks.0.attn1.to_q.weight\n"), "\(fp8.output)")
        #expect(fp8.output.contains("\(name).scale_input F32 [] -> unused: for products in fp8 alone\n"))
        #expect(fp8.output.contains(" F8_E4M3") && fp8.output.contains(" I8"), "\(fp8.output)")
    }

    @Test(arguments: [
        (["models", "inspect"], 2, "models inspect needs a model's files"),
        (["models", "inspect", "built-in"], 2, "models inspect needs a model's files"),
        (["models", "inspect", "nowhere"], 3, "nowhere: no such file or folder"),
        (["models", "inspect", "a", "b"], 2, "unexpected 'b' after models inspect"),
        (["models", "verify", "a", "--vae", "b"], 2, "--vae belongs to models inspect"),
        (["models", "--verbose"], 2, "--verbose belongs to models inspect"),
        (["plan", "--model", "built-in", "--vae", "b"], 2, "the built-in model takes no parts from files"),
    ]) func `words that mean nothing are refused`(_ words: [String], _ status: Int, _ message: String) throws {
        let refused = try run(words)
        #expect(Int(refused.status) == status && refused.errors.contains(message), "\(refused.errors)")
    }
}

import Foundation
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoServer
import VideoTypes

/// Orders that name LoRAs of the service's folder.
@Suite(.bounded) struct AdapterOrderTests {
    private static let files = Fixture.path("loras").replacing("VideoServerTests", with: "VideoProviderTests")

    /// A service whose folder holds a LoRA of its model, and one of another.
    private static func service(_ folder: TemporaryFolder) throws -> TestService {
        for (source, name) in [("peft", "style"), ("cogvideox", "other"), ("comfy-ab", "a b")] {
            try FileManager.default.copyItem(
                atPath: "\(files)/\(source).safetensors", toPath: folder.file("\(name).safetensors"))
        }
        return try TestService {
            $0.model = .folder(Fixture.model("wan21-t2v"))
            $0.adapters = .folder(folder.path)
        }
    }

    private static let shape = #""size": "16x16", "num_frames": 5, "num_inference_steps": 2"#

    @Test func `a LoRA is listed, ordered by its name, told and kept by a remix`() throws {
        let folder = try TemporaryFolder()
        let service = try Self.service(folder)
        let listed = try service.get("/v1/loras")
        #expect(listed.status == 200 && listed.text.contains(#""id": "style""#) && !listed.text.contains("a b"))
        let made = try service.post("/v1/videos", json: #"{"prompt": "x", "lora": ["style:0.5"], \#(Self.shape)}"#)
        let id = try #require(made["id"], "\(made.text)")
        let done = try service.finished(id)
        #expect(done["status"] == "completed")
        #expect(done.text.contains(#""name": "style""#) && done.text.contains(#""strength": 0.5"#), "\(done.text)")
        let again = try service.post("/v1/videos/\(id)/remix", json: #"{"prompt": "a cat"}"#)
        #expect(again.text.contains(#""strength": 0.5"#), "\(again.text)")
        let form = Form([("prompt", "x"), ("size", "16x16"), ("num_frames", "5"), ("lora", "style,style:-1@1-2")])
        let two = try service.ask("POST", "/v1/videos", [("Content-Type", form.type)], body: form.body)
        #expect(two["id"] != nil && two.text.contains(#""strength": -1.0"#), "\(two.text)")
    }

    @Test(arguments: ["none", "../style", "style.safetensors", "/etc/passwd", "a b", "", "high=none:2", "."])
    func `what is no name of the list is refused, whatever it is`(_ name: String) throws {
        let folder = try TemporaryFolder()
        let service = try Self.service(folder)
        let refused = try service.post("/v1/videos", json: #"{"prompt": "x", "lora": ["\#(name)"], \#(Self.shape)}"#)
        #expect(refused.status == 400 && refused["error", "param"] == "lora", "\(refused.text)")
        #expect(["unknown_lora", "invalid_value"].contains(refused["error", "code"]), "\(refused.text)")
        #expect(!refused.text.contains(folder.path))
    }

    @Test func `a LoRA for another model is refused with its sizes and without its folder`() throws {
        let folder = try TemporaryFolder()
        let service = try Self.service(folder)
        let refused = try service.post("/v1/videos", json: #"{"prompt": "x", "lora": "other", \#(Self.shape)}"#)
        #expect(refused.status == 422 && refused["error", "code"] == "weights_invalid", "\(refused.text)")
        #expect(refused["error", "param"] == "lora" && !refused.text.contains(folder.path), "\(refused.text)")
        let plain = try TestService { $0.model = .folder(Fixture.model("wan21-t2v")) }
        let none = try plain.post("/v1/videos", json: #"{"prompt": "x", "lora": "style", \#(Self.shape)}"#)
        #expect(none.status == 400 && none["error", "code"] == "unknown_lora", "\(none.text)")
        #expect(try plain.get("/v1/loras").text.contains(#""data": []"#))
    }
}

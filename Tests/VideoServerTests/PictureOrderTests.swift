import Foundation
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoServer
import VideoTypes

/// Orders that bring pictures, from the form to the worker.
@Suite(.bounded) struct PictureOrderTests {
    private static func picture(_ name: String = "rgb8.png") throws -> [UInt8] {
        let path = Fixture.path(
            "pictures/\(name)", beside: #filePath.replacing("VideoServerTests", with: "MediaTests"))
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private static func service(_ model: String) throws -> TestService {
        try TestService { $0.model = .folder(Fixture.model(model)) }
    }

    private static let shape = [("size", "32x32"), ("num_frames", "5"), ("num_inference_steps", "2")]

    private static func post(
        _ service: TestService, prompt: String = "a bird", _ files: [(String, [UInt8])]
    ) throws -> Answer {
        let form = Form(
            [("prompt", prompt)] + shape,
            files: files.map { (name: $0.0, fileName: "r", type: "image/png", bytes: $0.1) })
        return try service.ask("POST", "/v1/videos", [("Content-Type", form.type)], body: form.body)
    }

    private static func inputs(_ service: TestService) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: service.folder.file("state/inputs"))
    }

    @Test func `a picture is kept with its order, reaches the worker, and goes with the job`() throws {
        let service = try Self.service("wan22-ti2v")
        let made = try Self.post(service, prompt: "", [("input_reference", Self.picture())])
        let id = try #require(made["id"], "\(made.text)")
        // The engine that pretends fails where the pictures are not those that the settings name.
        #expect(try service.finished(id)["status"] == "completed")
        #expect(try Self.inputs(service) == ["\(id).first"])
        let again = try service.post("/v1/videos/\(id)/remix", json: #"{"prompt": "a cat"}"#)
        let other = try #require(again["id"], "\(again.text)")
        #expect(try service.finished(other)["status"] == "completed")
        for one in [id, other] { _ = try service.ask("DELETE", "/v1/videos/\(one)") }
        #expect(try Self.inputs(service).isEmpty)
    }

    @Test func `JSON brings a picture as a data URL`() throws {
        let service = try Self.service("wan22-i2v-a14b")
        let url = "data:image/png;base64,\(Base64.encode(try Self.picture()))"
        let made = try service.post(
            "/v1/videos",
            json: """
                {"prompt": "x", "size": "32x32", "num_frames": 5, "input_reference": {"image_url": "\(url)"},
                 "input_reference_last": "\(url)"}
                """)
        let id = try #require(made["id"], "\(made.text)")
        #expect(try service.finished(id)["status"] == "completed")
        #expect(try Self.inputs(service).sorted() == ["\(id).first", "\(id).last"])
        // What a clip would take can be asked for before the picture is there, the clip not.
        let asked = try service.get("/v1/capabilities?size=32x32&num_frames=5")
        #expect(asked.status == 200 && asked.json?["limits"]?["max_reference_images"]?.text == "2", "\(asked.text)")
        let bare = try service.post("/v1/videos", json: #"{"prompt": "x", "size": "32x32", "num_frames": 5}"#)
        #expect(bare.status == 400 && bare["error", "param"] == "input_reference", "\(bare.text)")
    }

    @Test func `what cannot be used is refused by its parameter, and nothing is kept`() throws {
        let service = try Self.service("wan22-ti2v")
        let picture = try Self.picture()
        let cases: [([(String, [UInt8])], String)] = [
            ([("input_reference", Array(picture.prefix(60)))], "input_reference"),
            ([("input_reference", try Self.picture("refused/tiff.png"))], "input_reference"),
            ([("input_reference", try Self.picture("refused/animated.png"))], "input_reference"),
            ([("input_reference", picture), ("input_reference_last", picture)], "input_reference_last"),
        ]
        for (files, parameter) in cases {
            let answer = try Self.post(service, files)
            #expect(answer.status == 400 && answer["error", "param"] == parameter, "\(answer.text)")
        }
        #expect(try Self.inputs(service).isEmpty && service.jobCount == 0)
        let plain = try Self.service("wan21-t2v")
        let refused = try Self.post(plain, [("input_reference", picture)])
        #expect(refused.status == 400 && refused["error", "code"] == "unsupported_parameter")
    }
}

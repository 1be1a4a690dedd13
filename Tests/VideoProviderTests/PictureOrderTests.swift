import Compute
import ComputeCPU
import FoundationEssentials
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoProvider

/// Pictures from a request to the clip, and what is refused of them before anything is loaded.
@Suite(.bounded) struct PictureOrderTests {
    private static func picture(_ role: PictureRole = .first, cutTo bytes: Int = .max) throws -> ReferenceImage {
        let path = Fixture.picture(name)
        let data = try Data(contentsOf: URL(filePath: path))
        return ReferenceImage(bytes: Array(data.prefix(bytes)), format: .png, role: role)
    }

    private static let name = "rgb8.png"

    private static func request(_ images: [ReferenceImage]) -> VideoRequest {
        var request = VideoRequest(prompt: "a bird")
        (request.width, request.height, request.frames, request.steps, request.seed) = (32, 32, 5, 2, 3)
        request.referenceImages = images
        return request
    }

    private static func planner(_ model: String) throws -> VideoPlanner {
        try VideoPlanner(.folder(Fixture.model(model)))
    }

    @Test func `settings name a picture by its role and digest`() throws {
        let settings = try Self.planner("wan22-ti2v").settings(for: Self.request([Self.picture()]))
        #expect(settings.inputs.map(\.role) == [.first])
        #expect(settings.inputs.first?.digest.utf8.count == 64)
        let other = try Self.planner("wan21-flf2v").settings(
            for: Self.request([Self.picture(.last), Self.picture(.first)]))
        #expect(other.inputs.map(\.role) == [.last, .first])
    }

    @Test(arguments: [
        ("wan21-t2v", [PictureRole.first], Term.referenceImages, "takes no reference images"),
        ("wan21-t2v", [.last], .lastImage, "takes no reference images"),
        ("wan21-i2v", [], .referenceImages, "no picture as first"),
        ("wan21-flf2v", [.first], .lastImage, "no picture as last"),
        ("wan21-flf2v", [.last], .referenceImages, "no picture as first"),
        ("wan22-ti2v", [.last], .lastImage, "a picture as last"),
    ])
    func `what a model does not take, or does not get, is refused by name`(
        model: String, roles: [PictureRole], field: Term, words: String
    ) throws {
        let images = try roles.map { try Self.picture($0) }
        let error = #expect(throws: VideoError.self) {
            try Self.planner(model).settings(for: Self.request(images))
        }
        #expect(error?.code == .invalidRequest && error?.field == field)
        #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }

    @Test func `what is no picture, or half of one, is refused before it is planned`() throws {
        let planner = try Self.planner("wan22-ti2v")
        let broken = [
            ReferenceImage(bytes: Array("no picture at all".utf8), format: .png), try Self.picture(cutTo: 60),
        ]
        for image in broken {
            let error = #expect(throws: VideoError.self) { try planner.plan(for: Self.request([image])) }
            #expect(error?.code == .invalidRequest && error?.field == .referenceImages)
        }
        let twice = try [Self.picture(), Self.picture()]
        #expect(throws: VideoError.self) { try planner.settings(for: Self.request(twice)) }
    }

    @Test func `a clip with a picture is another than without, and the same in a queue`() async throws {
        let folder = try TemporaryFolder()
        let engine = try VideoEngine(
            EngineOptions(model: .folder(Fixture.model("wan22-ti2v"))), backend: CPUBackend(threads: 1))
        let request = Self.request([try Self.picture()])
        let plain = try engine.frames(Self.request([]))
        let shown = try engine.frames(request)
        #expect(plain.count == 5 && shown.count == 5 && plain != shown)
        let report = try engine.generate(request, to: folder.file("clip.mp4")) { _ in true }
        #expect(report.settings.inputs.count == 1)
        let settings = report.settings
        _ = try engine.generate(
            settings, pictures: request.referenceImages, to: folder.file("again.mp4"), checkpoint: nil
        ) { _ in true }
        let files = try ["clip.mp4", "again.mp4"].map { try Data(contentsOf: URL(filePath: folder.file($0))) }
        #expect(files[0] == files[1])
        // Another picture than the settings name is not taken for it.
        #expect(throws: VideoError.self) {
            try engine.generate(settings, pictures: [], to: folder.file("none.mp4"), checkpoint: nil) { _ in true }
        }
        #expect(try !folder.names.contains("none.mp4"))
    }
}

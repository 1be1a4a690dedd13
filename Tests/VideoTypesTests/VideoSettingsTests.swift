import FoundationEssentials
import TestTools
import Testing
import VideoTypes

@Suite(.bounded) struct VideoSettingsTests {
    /// As a journal of 0.1.0 has it, of a model with two experts.
    private static let kept = """
        {"prompt":"a ball","negativePrompt":"","width":64,"height":48,"frames":17,"framesPerSecond":16,"steps":4,\
        "guidanceScale":5,"guidanceScale2":3.5,"flowShift":3,"scheduler":"dpm++","seed":18446744073709551615,\
        "tilesVAE":true}
        """

    private static func settings(_ text: String) throws -> VideoSettings {
        try JSONDecoder().decode(VideoSettings.self, from: Data(text.utf8))
    }

    @Test func `settings that were kept before there were pictures are read`() throws {
        let settings = try Self.settings(Self.kept)
        #expect(settings.inputs.isEmpty)
        #expect(settings.sampling.scheduler == .dpmpp)
        #expect(settings.sampling.guidance == [5, 3.5])
        #expect(settings.sampling.sigmas == nil)
        #expect(settings.sampling.seed == .max)
        #expect(settings.sampling.attention == .full && settings.sampling.guidanceSchedule == .constant)
        let written = String(decoding: try JSONEncoder().encode(settings), as: UTF8.self)
        #expect(!written.contains("inputs"))
        #expect(try Self.settings(written) == settings)
    }

    @Test func `what is not exact is kept, named and asked for again`() throws {
        var settings = try Self.settings(Self.kept)
        settings.sampling.attention = .factorized
        settings.sampling.guidanceSchedule = .dynamic
        let written = String(decoding: try JSONEncoder().encode(settings), as: UTF8.self)
        #expect(try Self.settings(written) == settings)
        let shown = JSONText.object(settings.jsonFields).description
        #expect(shown.contains(#""attention": "factorized""#) && shown.contains(#""guidance_schedule": "dynamic""#))
        let request = VideoRequest(settings)
        #expect(request.attention == .factorized && request.guidanceSchedule == .dynamic)
    }

    @Test func `settings with pictures are read as they were written`() throws {
        var settings = try Self.settings(Self.kept)
        settings.sampling.levels = .sigmas([1, 0.5])
        settings.inputs = [ClipInput(role: .first, digest: "ab"), ClipInput(role: .last, digest: "cd")]
        let written = String(decoding: try JSONEncoder().encode(settings), as: UTF8.self)
        #expect(try Self.settings(written) == settings)
        let shown = JSONText.object(settings.jsonFields).description
        #expect(
            shown.hasSuffix(
                "\"inputs\": [{\"role\": \"first\", \"sha256\": \"ab\"}, "
                    + "{\"role\": \"last\", \"sha256\": \"cd\"}]}"))
    }
}

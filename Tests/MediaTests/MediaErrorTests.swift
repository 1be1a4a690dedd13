import CFFmpeg
import TestTools
import Testing
import VideoTypes

@testable import Media

@Suite(.bounded) struct MediaErrorTests {
    @Test func `a missing library is named with a remedy`() {
        let error = MediaError.libraryMissing(name: "libavformat.so.59", reason: "cannot open shared object file")
        #expect(error.videoError.code == .mediaFailed)
        #expect(
            error.videoError.message == "cannot open FFmpeg's libavformat.so.59: cannot open shared object file")
        #expect(error.videoError.hint?.contains("libavformat") == true)
    }

    @Test func `a failed call says which and why`() throws {
        let ffmpeg = try FFmpeg()
        let error = #expect(throws: MediaError.self) { try ffmpeg.check(cff_error_end_of_file(), "some_call") }
        #expect(error?.videoError.message == "FFmpeg's some_call failed: End of file (-541478725)")
        #expect(throws: Never.self) { try ffmpeg.check(3, "some_call") }
    }

    @Test func `Debian's FFmpeg gives H.264 by libx264`() throws {
        let opened = try OpenedEncoder(FFmpeg(), size: PaddedSize(width: 64, height: 64), framesPerSecond: 16)
        #expect(opened.name == "libx264")
    }

    @Test func `the fallback encoder makes a clip too`() throws {
        let size = PaddedSize(width: 64, height: 64)
        let opened = try OpenedEncoder(FFmpeg(), size: size, framesPerSecond: 16, candidates: ["no_such", "mpeg4"])
        #expect(opened.name == "mpeg4")
        let error = #expect(throws: MediaError.self) {
            try OpenedEncoder(FFmpeg(), size: size, framesPerSecond: 16, candidates: ["no_such"])
        }
        #expect(error == .noEncoder(tried: ["no_such"]))
    }
}

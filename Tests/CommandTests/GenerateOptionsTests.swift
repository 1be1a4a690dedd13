import Compute
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

@testable import wan_infer

@Suite(.bounded) struct GenerateOptionsTests {
    private func options(_ words: String...) throws(VideoError) -> GenerateOptions {
        try GenerateOptions(ParsedArguments(words))
    }

    private func failure(_ words: String...) -> VideoError? {
        do throws(VideoError) {
            _ = try GenerateOptions(ParsedArguments(words))
            return nil
        } catch {
            return error
        }
    }

    @Test func `nothing given leaves everything to the model`() throws {
        let options = try options()
        var request = VideoRequest(prompt: "")
        request.id = options.request.id
        #expect(options.request == request)
        #expect(options.prompt == nil && options.output == nil && options.threads == nil)
        #expect(options.engine.model == .builtIn && options.engine.dtype == nil && options.engine.writesMetadata)
        #expect(options.engine.dumpPath == nil && options.detail == .normal)
    }

    @Test func `every option arrives`() throws {
        let options = try options(
            "a cat", "--negative-prompt", "blur", "--model", "dir", "--frames", "81", "--width", "832", "--height",
            "480", "--fps", "24", "--guidance", "4.5", "--guidance-2", "3", "--flow-shift", "8",
            "--guidance-schedule", "dynamic", "--attention", "factorized",
            "--scheduler", "dpm++", "--sigmas", "1,0.5,0.25", "--seed", "18446744073709551615", "--device", "cpu",
            "--dtype", "bf16", "--vae-tiling", "--threads", "2", "--output", "a.mp4", "--no-metadata", "--dump",
            "d.safetensors", "--verbose")
        var request = VideoRequest(prompt: "a cat", tilesVAE: true)
        request.negativePrompt = "blur"
        request.frames = 81
        request.width = 832
        request.height = 480
        request.framesPerSecond = 24
        request.guidanceScale = 4.5
        request.guidanceScale2 = 3
        request.flowShift = 8
        request.guidanceSchedule = .dynamic
        request.attention = .factorized
        request.scheduler = .dpmpp
        request.sigmas = [1, 0.5, 0.25]
        request.seed = .max
        request.id = options.request.id
        #expect(options.request == request)
        #expect(options.engine.model == .folder("dir") && options.engine.dtype == .bf16)
        #expect(!options.engine.writesMetadata && options.engine.dumpPath == "d.safetensors")
        #expect(options.threads == 2 && options.output == "a.mp4" && options.detail == .verbose)
    }

    @Test(arguments: [
        (["--steps", "0"], "--steps must be between 1 and 1000, got 0"),
        (["--steps", "-1"], "--steps must be between 1 and 1000, got -1"),
        (["--steps", "3.5"], "--steps must be a whole number, got '3.5'"),
        (["--steps", "99999999999999999999"], "--steps is too large, got '99999999999999999999'"),
        (["--steps="], "--steps must be a whole number, got ''"),
        (["--frames", "4098"], "--frames must be between 1 and 4097, got 4098"),
        (["--width", "0"], "--width must be between 1 and 8192, got 0"),
        (["--fps", "241"], "--fps must be between 1 and 240, got 241"),
        (["--guidance", "nan"], "--guidance must be between 0.0 and 1000.0, got nan"),
        (["--guidance", "inf"], "--guidance must be between 0.0 and 1000.0, got inf"),
        (["--guidance", "much"], "--guidance must be a number, got 'much'"),
        (["--flow-shift", "0"], "--flow-shift must be between 0.01 and 100.0, got 0.0"),
        (["--sigmas", "1,,0.5"], "--sigmas must be a number, got ''"),
        (["--sigmas", "0.5,1"], "--sigmas must fall from at most 1 in steps of at least 0.0001, got 1.0"),
        (["--sigmas", "1,0.5", "--steps", "3"], "--steps is 3 but --sigmas has 2 values"),
        (["--seed", "-1"], "--seed must be a whole number from 0 to 18446744073709551615, got '-1'"),
        (["--scheduler", "ddpm"], "--scheduler must be one of unipc, euler, dpm++, ddim, dpm, got 'ddpm'"),
        (["--dtype", "f16"], "--dtype must be one of auto, f32, bf16, got 'f16'"),
        (["--device", "tpu"], "--device must be auto, cpu, cuda or cuda:N, got 'tpu'"),
        (["--device", "cuda:"], "--device must be auto, cpu, cuda or cuda:N, got 'cuda:'"),
        (["--device", "cuda:-1"], "--device must be auto, cpu, cuda or cuda:N, got 'cuda:-1'"),
        (["--threads", "0"], "--threads must be between 1 and 1024, got 0"),
        (["--prompt", ""], "the prompt is empty"),
        ([" \n\t "], "the prompt is empty"),
        (["a\0b"], "the prompt contains a zero byte"),
        (["--quiet", "--verbose"], "--quiet and --verbose exclude each other"),
        (["--image", "/none.png"], "cannot read the picture /none.png: there is no such file"),
        (["--last-image", "/"], "cannot read the picture /: it is a folder"),
        (["--image", "/dev/null"], "cannot read the picture /dev/null: it is not a regular file"),
    ])
    func `a bad value is named with its rule`(words: [String], message: String) {
        do throws(VideoError) {
            _ = try GenerateOptions(ParsedArguments(words))
            Issue.record("accepted")
        } catch {
            #expect(error.code == .invalidRequest)
            #expect(error.message(in: .command) == message)
        }
    }

    @Test func `pictures arrive with what they are to the clip, and may stand alone`() throws {
        let path = Fixture.picture("rgb8.png")
        let options = try options("", "--last-image", path, "--image", path)
        #expect(options.request.referenceImages.map(\.role) == [.first, .last])
        #expect(options.request.referenceImages.allSatisfy { $0.format == .png && !$0.bytes.isEmpty })
        #expect(options.prompt?.isEmpty == true)
        #expect(failure(" ", "--image", path)?.message == "the prompt is empty")
        let tiff = Fixture.picture("refused/tiff.png")
        #expect(failure("--image", tiff)?.field == .referenceImages)
    }

    @Test func `a long prompt is refused with its length`() {
        let error = failure(String(repeating: "x", count: 70_000))
        #expect(error?.message == "the prompt has 70000 bytes, the limit is 65536")
        let longValue = failure("--steps", String(repeating: "9", count: 70_000))
        #expect((longValue?.message.count ?? .max) < 200)
    }
}

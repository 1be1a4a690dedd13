import TestTools
import Testing
import VideoTypes

/// What is refused before any model is asked.
@Suite(.bounded) struct VideoRequestTests {
    private static func error(_ change: (inout VideoRequest) -> Void) -> VideoError? {
        var request = VideoRequest(prompt: "a bird")
        change(&request)
        do throws(VideoError) {
            try request.validate()
            return nil
        } catch {
            return error
        }
    }

    @Test func `a request with every field at its limit passes`() {
        let found = Self.error {
            $0.id = String(repeating: "a", count: 256)
            $0.prompt = String(repeating: "a", count: 65536)
            $0.negativePrompt = $0.prompt
            $0.durationSeconds = 3600
            $0.resolution = Resolution(shorterSide: 8192)
            $0.aspectRatio = AspectRatio(width: 1000, height: 125)
            ($0.width, $0.height, $0.frames, $0.framesPerSecond) = (1, 8192, 4097, 240)
            ($0.guidanceScale, $0.guidanceScale2, $0.flowShift) = (0, 1000, 0.01)
            ($0.maxCostDollars, $0.maxLatencySeconds) = (0, 0)
            $0.sigmas = [1, 0.5, 0.0001]
            $0.referenceImages = Array(
                repeating: ReferenceImage(bytes: [1], format: .png, role: .reference), count: 16)
            $0.adapters = Array(repeating: AdapterChoice("a", strength: -100), count: 16)
            $0.extras = Dictionary(uniqueKeysWithValues: (0..<64).map { ("name\($0)", .array([1, "x"])) })
        }
        #expect(found == nil, "\(String(describing: found))")
    }

    /// A change that must be refused, and a part of the words that do it.
    struct Case: Sendable {
        let words: String
        let change: @Sendable (inout VideoRequest) -> Void

        init(_ words: String, _ change: @escaping @Sendable (inout VideoRequest) -> Void) {
            (self.words, self.change) = (words, change)
        }
    }

    @Test(arguments: [
        Case("durationSeconds must be between 0.01 and 3600.0, got nan") { $0.durationSeconds = .nan },
        Case("durationSeconds must be") { $0.durationSeconds = .infinity },
        Case("durationSeconds must be") { $0.durationSeconds = 0 },
        Case("durationSeconds must be") { $0.durationSeconds = -1 },
        Case("resolution must be between 1 and 8192, got 0") { $0.resolution = Resolution(shorterSide: 0) },
        Case("resolution must be") { $0.resolution = Resolution(shorterSide: .max) },
        Case("at most 8 to 1, got 9:1") { $0.aspectRatio = AspectRatio(width: 9, height: 1) },
        Case("got 1:9") { $0.aspectRatio = AspectRatio(width: 1, height: 9) },
        Case("aspect ratio") { $0.aspectRatio = AspectRatio(width: 0, height: 1) },
        Case("aspect ratio") { $0.aspectRatio = AspectRatio(width: .max, height: .max) },
        Case("aspect ratio") { $0.aspectRatio = AspectRatio(width: .min, height: -1) },
        Case("maxCostDollars must be") { $0.maxCostDollars = .nan },
        Case("maxCostDollars must be") { $0.maxCostDollars = -0.1 },
        Case("maxLatencySeconds must be") { $0.maxLatencySeconds = .infinity },
        Case("maxLatencySeconds must be") { $0.maxLatencySeconds = -1 },
        Case("the prompt contains a zero byte") { $0.prompt = "a\0b" },
        Case("the negative prompt contains a zero byte") { $0.negativePrompt = "\0" },
        Case("the prompt has 65537 bytes") { $0.prompt = String(repeating: "a", count: 65537) },
        Case("the id must have") { $0.id = "" }, Case("the id must have") { $0.id = "a b" },
        Case("the id must have") { $0.id = "a\n" }, Case("the id must have") { $0.id = "ä" },
        Case("the id must have") { $0.id = String(repeating: "a", count: 257) },
        Case("17 reference images") {
            $0.referenceImages = Array(repeating: ReferenceImage(bytes: [1], format: .png), count: 17)
        },
        Case("2 pictures are to be the last frame") {
            $0.referenceImages = Array(repeating: ReferenceImage(bytes: [1], format: .png, role: .last), count: 2)
        },
        Case("a reference image has 0 bytes") { $0.referenceImages = [ReferenceImage(bytes: [], format: .png)] },
        Case("17 LoRAs are given") { $0.adapters = Array(repeating: AdapterChoice("a"), count: 17) },
        Case("must have 1 to 4096 bytes") { $0.adapters = [AdapterChoice("")] },
        Case("must have 1 to 4096 bytes") { $0.adapters = [AdapterChoice("a\0")] },
        Case("must have 1 to 4096 bytes") { $0.adapters = [AdapterChoice(String(repeating: "a", count: 4097))] },
        Case("between -100.0 and 100.0, got nan") { $0.adapters = [AdapterChoice("a", strength: .nan)] },
        Case("strength of a LoRA must be") { $0.adapters = [AdapterChoice("a", strength: 100.5)] },
        Case("shots must be 1 to 16 shots, got 0") { $0.shots = [] },
        Case("a shot must last 0.01 to 3600.0 s, got nan") { $0.shots = [Shot("a", durationSeconds: .nan)] },
        Case("the words of a shot have 2 bytes or a zero byte") { $0.shots = [Shot("a\0", durationSeconds: 1)] },
        Case("the shots last 3.0 s together, and durationSeconds is 5.0") {
            ($0.shots, $0.durationSeconds) = ([Shot("a", durationSeconds: 1), Shot("b", durationSeconds: 2)], 5)
        },
        Case("cast must have at most 16 names, none of them twice") { $0.cast = ["a", "a"] },
        Case("a name of cast must have 1 to 64 bytes") { $0.cast = [""] },
        Case("continues must be the id of a former request") { $0.continues = "" },
        Case("begins with its last frame, and a first picture is given") {
            ($0.continues, $0.referenceImages) = ("x", [ReferenceImage(bytes: [1], format: .png)])
        },
        Case("65 extras") { $0.extras = Dictionary(uniqueKeysWithValues: (0..<65).map { ("\($0)", 1) }) },
        Case("the name of an extra has 129") { $0.extras = [String(repeating: "n", count: 129): 1] },
        Case("the name of an extra has 0") { $0.extras = ["": 1] },
        Case("'x' holds a number that is not finite") { $0.extras = ["x": .object([("y", [.number(.nan)])])] },
        Case("the extras have") { $0.extras = ["x": .string(String(repeating: "a", count: 65536))] },
        Case("frames must be between") { $0.frames = .min },
        Case("width must be between") { $0.width = 0 }, Case("height must be between") { $0.height = .max },
        Case("steps must be between") { $0.steps = 0 },
        Case("framesPerSecond must be between") { $0.framesPerSecond = 241 },
        Case("guidanceScale must be between") { $0.guidanceScale = .nan },
        Case("flowShift must be between") { $0.flowShift = 0 },
        Case("sigmas must fall") { $0.sigmas = [0.5, 0.5] }, Case("sigmas must have") { $0.sigmas = [] },
        Case("steps is 3 but sigmas has 1") { ($0.steps, $0.sigmas) = (3, [1]) },
    ]) func `what no model can make is refused by name`(_ wrong: Case) {
        let found = Self.error(wrong.change)
        #expect(found?.code == .invalidRequest)
        #expect(found?.message.contains(wrong.words) == true, "\(String(describing: found))")
    }

    @Test func `a shot is read as it is written`() {
        for (text, shot) in [
            ("3: a door: it opens, slowly", Shot("a door: it opens, slowly", durationSeconds: 3)),
            ("0.5: x", Shot("x", durationSeconds: 0.5)),
        ] {
            #expect(Shot(text) == shot && shot.description == text)
        }
        for text in ["", "3", "3:", "3:  ", ": x", "x: 3", "-1: x", "nan: x", "inf: x", "0: x"] {
            #expect(Shot(text) == nil, "\(text)")
        }
    }
}

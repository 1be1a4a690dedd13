import Compute
import ComputeCPU
import FoundationEssentials
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoProvider

/// What is kept of a clip is gone on from as that clip alone, and latents that are done are never lost.
@Suite(.bounded) struct KeptClipTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func engine(_ model: String, _ dtype: String = "f32") throws -> VideoEngine {
        let options = EngineOptions(model: .folder(Fixture.model(model)), dtype: dtype == "f32" ? .f32 : .bf16)
        return try VideoEngine(options, backend: CPUBackend(threads: 1))
    }

    private static func request(_ model: String) throws -> VideoRequest {
        var request = VideoRequest(prompt: "a bird")
        (request.width, request.height, request.frames) = (32, 32, 5)
        (request.steps, request.guidanceScale, request.seed) = (3, 4, 3)
        guard model.contains("i2v") else { return request }
        let picture = try Data(contentsOf: URL(filePath: Fixture.picture("rgb8.png")))
        request.referenceImages = [ReferenceImage(bytes: Array(picture), format: .png, role: .first)]
        return request
    }

    private func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: folder.file(name))) }

    /// Stops a clip behind a step; its state is in the folder "kept".
    private func stop(_ engine: VideoEngine, _ request: VideoRequest, after steps: Int) throws -> CheckpointPlace {
        let place = try CheckpointFolder(folder.file("kept")).place()
        let error = #expect(throws: VideoError.self) {
            try engine.generate(
                request, to: folder.file("clip.mp4"), keeping: ClipKeeping(place: place, isStrict: true)
            ) { !($0.stage == .denoise && $0.completed == steps) }
        }
        #expect(error?.code == .cancelled)
        return place
    }

    @Test func `another clip is refused with what differs, and the state stays`() throws {
        let engine = try Self.engine("wan21-t2v")
        let request = try Self.request("wan21-t2v")
        let place = try stop(engine, request, after: 2)
        let kept = try bytes("kept/clip.safetensors")
        let changes: [(String, (inout VideoRequest) -> Void)] = [
            ("seed is 3 there and 4 here", { $0.seed = 4 }),
            ("prompt is \"a bird\" there and \"a cat\" here", { $0.prompt = "a cat" }),
            ("steps is 3 there and 4 here", { $0.steps = 4 }),
            ("guidance is 4.0 there and 5.0 here", { $0.guidanceScale = 5 }),
            ("width is 32 there and 48 here", { $0.width = 48 }),
        ]
        for (words, change) in changes {
            var other = request
            change(&other)
            let error = #expect(throws: VideoError.self) {
                try engine.generate(
                    other, to: folder.file("clip.mp4"), keeping: ClipKeeping(place: place, isStrict: true)
                ) { _ in true }
            }
            #expect(error?.code == .stateUnusable && error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
        for (other, words) in [
            (try Self.engine("wan21-t2v", "bf16"), "dtype is f32 there and bf16 here"),
            (try Self.engine("wan22-a14b"), "fingerprint of the weights is"),
        ] {
            let error = #expect(throws: VideoError.self) {
                try other.generate(
                    request, to: folder.file("clip.mp4"), keeping: ClipKeeping(place: place, isStrict: true)
                ) { _ in true }
            }
            #expect(error?.code == .stateUnusable && error?.message.contains(words) == true, "\(error?.message ?? "")")
        }
        #expect(try bytes("kept/clip.safetensors") == kept)
    }

    @Test func `what a kept clip was made with and is missing now is asked for by its option`() throws {
        let engine = try Self.engine("wan21-t2v")
        var request = try Self.request("wan21-t2v")
        request.adapters = [AdapterChoice("\(Fixture.path("loras"))/alphas.safetensors")]
        let place = try stop(engine, request, after: 2)
        func remedies(_ change: (inout VideoRequest) -> Void) -> [Wording] {
            var other = request
            change(&other)
            let error = #expect(throws: VideoError.self) {
                try engine.generate(
                    other, to: folder.file("clip.mp4"), keeping: ClipKeeping(place: place, isStrict: true)
                ) { _ in true }
            }
            return error?.remedies ?? []
        }
        let (named, elsewhere): (Wording, Wording) = (
            "name its LoRAs again with \(.adapters)", "or name another folder for this clip"
        )
        #expect(remedies { $0.adapters = [] } == [named, elsewhere])
        #expect(remedies { ($0.adapters, $0.seed) = ([], 4) } == [named, "leave out what differs", elsewhere])
        #expect(remedies { $0.seed = 4 } == ["leave out what differs", elsewhere])
    }

    @Test func `long texts are shown from where they differ`() throws {
        let engine = try Self.engine("wan21-t2v")
        var request = try Self.request("wan21-t2v")
        request.prompt = "a bird" + String(repeating: " and a bird", count: 20)
        let place = try stop(engine, request, after: 2)
        request.prompt += " and a cat"
        let error = #expect(throws: VideoError.self) {
            try engine.generate(
                request, to: folder.file("clip.mp4"), keeping: ClipKeeping(place: place, isStrict: true)
            ) { _ in true }
        }
        #expect(error?.message.contains("and a cat\" here") == true, "\(error?.message ?? "")")
    }

    @Test func `how a clip is decoded may change between two runs`() throws {
        let engine = try Self.engine("wan21-t2v")
        var request = try Self.request("wan21-t2v")
        let place = try stop(engine, request, after: 3)
        request.tilesVAE = true
        var first: Int?
        _ = try engine.generate(
            request, to: folder.file("clip.mp4"), keeping: ClipKeeping(place: place, isStrict: true)
        ) { progress in
            if progress.stage == .denoise, first == nil { first = progress.completed }
            return true
        }
        #expect(first == 3)
        #expect(try folder.names == ["clip.mp4", "kept"])
    }

    @Test func `a damaged state is refused, never a trap and never another clip`() throws {
        let engine = try Self.engine("wan21-t2v")
        let request = try Self.request("wan21-t2v")
        _ = try engine.generate(request, to: folder.file("whole.mp4")) { _ in true }
        let place = try stop(engine, request, after: 3)
        let state = try bytes("kept/clip.safetensors")
        var random: UInt64 = 7
        func next(_ limit: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % limit
        }
        var refused = 0
        var survived: [Int] = []
        let whole = try bytes("whole.mp4")
        for number in 0..<300 {
            var damaged = state
            switch number % 3 {
            case 0: damaged[next(state.count)] ^= UInt8(1 << next(8))
            case 1: damaged = damaged.prefix(next(state.count))
            // The header and the words of the clip, where most can go wrong.
            default: damaged[number % 2 == 0 ? next(300) : state.count - 1 - next(600)] = UInt8(next(256))
            }
            try damaged.write(to: URL(filePath: place.path))
            do throws(VideoError) {
                _ = try engine.generate(
                    request, to: folder.file("clip.mp4"), keeping: ClipKeeping(place: place, isStrict: true)
                ) { _ in true }
                survived.append(number)
            } catch {
                refused += 1
                #expect([.stateUnusable, .invalidRequest, .weightsInvalid].contains(error.code), "\(error)")
                continue
            }
            #expect(try bytes("clip.mp4") == whole, "\(number)")
        }
        #expect(refused > 250 && refused + survived.count == 300)
    }

    @Test(arguments: ["wan21-t2v", "wan22-ti2v", "wan21-i2v", "cogvideox-2b", "cogvideox-5b-i2v"])
    func `latents that could not be written as a clip become the same clip later`(model: String) throws {
        let engine = try Self.engine(model)
        var request = try Self.request(model)
        if model.hasPrefix("cogvideox") { (request.width, request.height, request.frames) = (32, 16, 9) }
        if model == "wan22-ti2v" { request.referenceImages = try Self.request("i2v").referenceImages }
        _ = try engine.generate(request, to: folder.file("whole.mp4")) { _ in true }
        try FileManager.default.createDirectory(
            atPath: folder.file("gone"), withIntermediateDirectories: false)
        let finished = FinishedLatents()
        let error = #expect(throws: VideoError.self) {
            try engine.generate(
                request, to: folder.file("gone/clip.mp4"), keeping: ClipKeeping(finished: finished)
            ) { progress in
                if progress.stage == .decode { try? FileManager.default.removeItem(atPath: folder.file("gone")) }
                return true
            }
        }
        #expect(error?.code == .outputFailed && finished.isThere)
        let path = try finished.save(besides: folder.file("clip.mp4"))
        #expect(path == folder.file("clip.latents.safetensors"))
        // Another process, without the picture.
        let kept = try #require(try KeptClip(at: path))
        #expect(kept.isFinished)
        var stages: Set<VideoProgress.Stage> = []
        _ = try Self.engine(model).generate(decoding: kept, tilesVAE: false, to: folder.file("clip.mp4")) {
            stages.insert($0.stage)
            return true
        }
        #expect(try bytes("clip.mp4") == bytes("whole.mp4"))
        #expect(!stages.contains(.text))
        #expect(try folder.names.contains("clip.latents.safetensors"))
        // Its neighbour is not written over.
        #expect(try finished.save(besides: folder.file("clip.mp4")) == folder.file("clip.latents-2.safetensors"))
    }

    @Test func `latents of another model, or noisy ones, are not decoded`() throws {
        let engine = try Self.engine("wan21-t2v")
        let place = try stop(engine, try Self.request("wan21-t2v"), after: 2)
        let noisy = try #require(try KeptClip(at: place.path))
        let error = #expect(throws: VideoError.self) {
            try engine.generate(decoding: noisy, tilesVAE: false, to: folder.file("clip.mp4")) { _ in true }
        }
        #expect(error?.message.contains("holds the latents of step 2 of 3") == true)
        try FileManager.default.removeItem(atPath: place.path)
        let done = try #require(
            try KeptClip(at: stop(engine, try Self.request("wan21-t2v"), after: 3).path))
        let other = #expect(throws: VideoError.self) {
            try Self.engine("wan22-ti2v").generate(decoding: done, tilesVAE: false, to: folder.file("clip.mp4")) { _ in
                true
            }
        }
        #expect(other?.code == .stateUnusable && other?.hint?.contains("name the model") == true)
        #expect(try KeptClip(at: folder.file("absent")) == nil)
    }

    @Test func `a folder with other things in it is refused and left as it is`() throws {
        let path = folder.file("theirs")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        for name in ["clip.safetensors", "clip.safetensors.new", "notes.txt", "clip-x.safetensors"] {
            let url = URL(filePath: path + "/" + name)
            try Data("theirs: a text that is long enough to be no beginning".utf8).write(to: url)
            let error = #expect(throws: VideoError.self) { try CheckpointFolder(path) }
            #expect(error?.code == .stateUnusable && error?.message.contains("holds '\(name)'") == true)
            try FileManager.default.removeItem(at: url)
        }
        // What a killed process left may be as short as nothing.
        for half in [Data(), Data([1, 2, 3]), Data(repeating: 0, count: 8) + Data("{\"state\":{\"dt".utf8)] {
            try half.write(to: URL(filePath: path + "/clip-07.safetensors.new"))
            #expect(throws: Never.self) { try CheckpointFolder(path) }
        }
        let first = try CheckpointFolder(path)
        #expect(first.place("07").path == path + "/clip-07.safetensors")
        let second = #expect(throws: VideoError.self) { try CheckpointFolder(path) }
        #expect(second?.message.contains("another process") == true)
        #expect(throws: VideoError.self) { try CheckpointFolder(folder.file("no/such")) }
        withExtendedLifetime(first) {}
    }
}

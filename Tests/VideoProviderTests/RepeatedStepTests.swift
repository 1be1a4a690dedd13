import Compute
import ComputeCPU
import FoundationEssentials
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import VideoProvider

/// A step whose numbers leave bf16 is made again in f32.
@Suite(.bounded) struct RepeatedStepTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A copy of a tiny model whose experts get a hidden number that f32 holds and bf16 rounds to
    /// infinity; what reads it makes it small again.
    private func model(_ name: String, _ experts: String..., hidden bits: UInt32 = large) throws -> String {
        let path = folder.file("model")
        try FileManager.default.copyItem(atPath: Fixture.model(name), toPath: path)
        for expert in experts { try damage(path, expert, bits) }
        return path
    }

    private func damage(_ path: String, _ expert: String, _ bits: UInt32) throws {
        let file = URL(filePath: "\(path)/\(expert)/diffusion_pytorch_model.safetensors")
        var bytes = try Data(contentsOf: file)
        let entries = try Safetensors(HostBytes(Array(bytes)), file: "model").entries
        func set(_ tensor: String, _ element: Int, _ bits: UInt32) throws {
            let entry = try #require(entries[tensor])
            try #require(entry.dtypeName == "F32")
            let place = entry.range.lowerBound + 4 * element
            for byte in 0..<4 { bytes[place + byte] = UInt8(truncatingIfNeeded: bits >> (8 * byte)) }
        }
        try set("blocks.0.ffn.net.0.proj.bias", 0, bits)
        let reader = try #require(entries["blocks.0.ffn.net.2.weight"])
        for row in 0..<reader.shape[0] {
            try set("blocks.0.ffn.net.2.weight", row * reader.shape[1], Float(1e-37).bitPattern)
        }
        try bytes.write(to: file)
    }

    /// 3.402e38: below f32's largest number, above what rounds to bf16's.
    private static let large: UInt32 = 0x7F7F_F000

    private static var request: VideoRequest {
        var request = VideoRequest(prompt: "a bird")
        (request.width, request.height, request.frames, request.steps) = (32, 32, 5, 4)
        (request.guidanceScale, request.seed, request.scheduler) = (4, 3, .unipc)
        return request
    }

    private static func engine(_ path: String, _ dtype: DType, retries: Bool) throws -> VideoEngine {
        try VideoEngine(
            EngineOptions(model: .folder(path), dtype: dtype, writesMetadata: false, retriesInF32: retries),
            backend: CPUBackend(threads: 1))
    }

    @Test func `every step that fails is made in f32, to the latents of f32`() throws {
        let path = try model("wan22-ti2v", "transformer")
        let without = #expect(throws: VideoError.self) {
            try Self.engine(path, .bf16, retries: false).generate(Self.request, to: folder.file("none.mp4")) { _ in
                true
            }
        }
        #expect(without?.code == .notFinite && without?.message.contains("step 1 of 4, first in block.00") == true)
        var notes: [String] = []
        _ = try Self.engine(path, .bf16, retries: true).generate(
            Self.request, to: folder.file("again.mp4"), keeping: ClipKeeping(note: { notes.append($0) })
        ) { _ in true }
        #expect(notes.count == 4)
        for (index, note) in notes.enumerated() {
            #expect(note.contains("step \(index + 1) of 4, first in block.00; the step is made again in f32"))
        }
        // All of its steps in f32, and decoded in bf16: that is what was made.
        let finished = FinishedLatents()
        _ = try Self.engine(path, .f32, retries: false).generate(
            Self.request, to: folder.file("f32.mp4"), keeping: ClipKeeping(finished: finished)
        ) { _ in true }
        let latents = try finished.save(besides: folder.file("f32.mp4"))
        let kept = try #require(try KeptClip(at: latents))
        _ = try Self.engine(path, .bf16, retries: false).generate(
            decoding: kept, tilesVAE: false, to: folder.file("expected.mp4")
        ) { _ in true }
        func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: folder.file(name))) }
        #expect(try bytes("again.mp4") == bytes("expected.mp4"))
        #expect(try bytes("f32.mp4") != bytes("expected.mp4"))
    }

    @Test func `what is no number in f32 either ends the clip`() throws {
        let path = try model("wan22-ti2v", "transformer", hidden: 0x7FC0_0000)
        var notes = 0
        let error = #expect(throws: VideoError.self) {
            try Self.engine(path, .bf16, retries: true).generate(
                Self.request, to: folder.file("none.mp4"), keeping: ClipKeeping(note: { _ in notes += 1 })
            ) { _ in true }
        }
        #expect(error?.code == .notFinite && notes == 1)
    }

    @Test func `the experts' steps are made each in its dtype, and a stop is a stop`() throws {
        let path = try model("wan22-a14b", "transformer_2")
        var notes: [String] = []
        let engine = try Self.engine(path, .bf16, retries: true)
        _ = try engine.generate(
            Self.request, to: folder.file("clip.mp4"), keeping: ClipKeeping(note: { notes.append($0) })
        ) { _ in true }
        #expect((1...3).contains(notes.count) && !notes.contains { $0.contains("step 1 of 4") })
        var loads = 0
        let error = #expect(throws: VideoError.self) {
            try engine.generate(Self.request, to: folder.file("clip.mp4")) { progress in
                if progress.stage == .text { loads += 1 }
                return loads < 3
            }
        }
        #expect(error?.code == .cancelled)
    }
}

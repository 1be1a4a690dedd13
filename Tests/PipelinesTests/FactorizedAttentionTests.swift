import Compute
import ComputeCPU
import FakeGPU
import KernelEmulation
import Layers
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import Pipelines

/// Heads of a full attention that are left with one of two patterns.
@Suite(.bounded(minutes: 20)) struct FactorizedAttentionTests {
    @Test(arguments: [(0, 300, 11), (226, 1350, 13), (24, 70, 9), (0, 1560, 21), (0, 128, 4), (30, 5, 3)])
    func `patterns keep what they are named after, no more than they may`(_ text: Int, _ frame: Int, _ frames: Int) {
        let kept = 0.25
        let patterns = HeadPatterns(text: text, frame: frame, frames: frames, kept: kept)
        let nearest = HeadPatterns(text: text, frame: frame, frames: frames, kept: 0)
        let rows = text + frame * frames
        let (tiles, blocks) = (HeadPatterns.queryBlocks(rows), HeadPatterns.keyBlocks(rows))
        for kind in HeadPatterns.Kind.allCases {
            let count = patterns.pairs(kind) / (BlockList.queries * BlockList.keys)
            let least = nearest.pairs(kind) / (BlockList.queries * BlockList.keys)
            #expect(count <= max(Int(kept * Double(tiles * blocks)), least))
            // More than the nearest rows wherever that is allowed.
            if Double(least) < 0.2 * Double(tiles * blocks) { #expect(count > least) }
            #expect(patterns[kind].count == tiles)
            for list in patterns[kind] { #expect(zip(list, list.dropFirst()).allSatisfy(<)) }
        }
        for query in stride(from: 0, to: rows, by: max(rows / 60, 7)) {
            let tile = query / BlockList.queries
            let seen = HeadPatterns.Kind.allCases.map { (kind: $0, blocks: Set(patterns[$0][tile])) }
            func sees(_ kind: HeadPatterns.Kind, _ key: Int) -> Bool {
                seen.contains { $0.kind == kind && $0.blocks.contains(key / BlockList.keys) }
            }
            let isText = tile * BlockList.queries < text
            for kind in HeadPatterns.Kind.allCases {
                #expect((0..<text).allSatisfy { sees(kind, $0) } && sees(kind, query))
                if isText { #expect((0..<rows).allSatisfy { sees(kind, $0) }) }
            }
            guard query >= text else { continue }
            let place = (query - text) % frame
            #expect((text..<text + frame).allSatisfy { sees(.frames, $0) })
            #expect((0..<frames).allSatisfy { sees(.places, text + $0 * frame + place) })
        }
    }

    /// Queries and keys of heads that look for their own frame or their own place, and values of any kind.
    private struct Heads {
        let kinds: [HeadPatterns.Kind]
        let frames: Int
        let frame = 256
        let depth = 32
        var rows: Int { frame * frames }

        /// f32 `[rows, heads · depth]`: to what a head looks for belongs a direction.
        func codes() -> [Float] {
            var random = TorchRandomSource(seed: 3)
            let directions = kinds.map { kind in
                (0..<(kind == .frames ? frames : frame)).map { _ in
                    let x = random.normals(depth)
                    let norm = x.reduce(0) { $0 + $1 * $1 }.squareRoot()
                    return x.map { 9 * $0 / norm }
                }
            }
            return (0..<rows).flatMap { row in
                kinds.indices.flatMap { directions[$0][kinds[$0] == .frames ? row / frame : row % frame] }
            }
        }

        var attention: FactorizedAttention {
            FactorizedAttention(HeadPatterns(text: 0, frame: frame, frames: frames, kept: FactorizedAttention.kept))
        }
    }

    /// Tensors of such heads, and what full attention makes of them.
    private func given(
        _ heads: Heads, _ dtype: DType, on backend: any Backend
    ) throws -> (codes: Tensor, values: Tensor, full: [Float]) {
        let shape: Shape = [heads.rows, heads.kinds.count * heads.depth]
        var random = TorchRandomSource(seed: 4)
        func tensor(_ values: [Float]) throws -> Tensor {
            let tensor = try backend.allocate(shape, dtype)
            try backend.copy(backend.upload(values, shape), into: tensor)
            return tensor
        }
        let (codes, values) = (try tensor(heads.codes()), try tensor(random.normals(shape.count)))
        let out = try backend.allocate(shape, dtype)
        try backend.attention(
            codes, codes, values, heads: heads.kinds.count, scale: 0.177, groups: .all, bias: nil, into: out)
        return (codes, values, try backend.download(out))
    }

    @Test func `each head gets the pattern that reproduces it, and loses little by it`() throws {
        let backend = try CPUBackend(threads: 2)
        let heads = Heads(kinds: [.places, .frames, .frames, .places], frames: 16)
        let given = try given(heads, .f32, on: backend)
        let out = try backend.allocate(given.codes.shape, .f32)
        for step in 1..<4 {
            let layer = try #require(heads.attention.step(step, of: 4)?.layer(1, of: 2))
            let kinds = try layer.kinds(
                given.codes, given.codes, given.values, heads: 4, scale: 0.177, on: backend)
            #expect(kinds == heads.kinds)
            try layer(given.codes, given.codes, given.values, heads: 4, scale: 0.177, on: backend, into: out)
            let drift = Deviation(try backend.download(out), from: given.full)
            #expect(drift.relative > 0 && drift.relative < 0.05, "\(drift)")
        }
        // The other pattern would lose much.
        let patterns = heads.attention.patterns
        let wrong = heads.kinds.map { patterns[$0 == .frames ? .places : .frames] }
        let lists = try backend.blockList(wrong, queries: heads.rows, keys: heads.rows)
        try backend.attention(
            given.codes, given.codes, given.values, heads: 4, scale: 0.177, blocks: lists, into: out)
        let drift = Deviation(try backend.download(out), from: given.full)
        #expect(drift.relative > 0.2, "\(drift)")
    }

    @Test(arguments: [(DType.f32, 4e-5), (.bf16, 1e-2)])
    func `a GPU computes what the processor computes`(_ dtype: DType, _ bound: Double) throws {
        let heads = Heads(kinds: [.frames, .places], frames: 3)
        func run(_ backend: any Backend) throws -> (kinds: [HeadPatterns.Kind], values: [Float]) {
            let given = try given(heads, dtype, on: backend)
            let out = try backend.allocate(given.codes.shape, dtype)
            let layer = try #require(heads.attention.step(3, of: 4)?.layer(1, of: 2))
            try layer(given.codes, given.codes, given.values, heads: 2, scale: 0.177, on: backend, into: out)
            let kinds = try layer.kinds(
                given.codes, given.codes, given.values, heads: 2, scale: 0.177, on: backend)
            return (kinds, try backend.download(out))
        }
        let gpu = FakeGPU(8, 0)
        let (found, expected) = (try run(gpu.backend()), try run(CPUBackend(threads: 2)))
        #expect(found.kinds == expected.kinds)
        let deviation = Deviation(found.values, from: expected.values)
        #expect(deviation.relative < bound, "\(deviation)")
        #expect(gpu.finish() == [])
    }

    @Test func `the first steps and layers stay full`() {
        let attention = Heads(kinds: [.frames], frames: 16).attention
        #expect((0..<50).filter { attention.step($0, of: 50) == nil } == Array(0..<10))
        #expect((0..<4).filter { attention.step($0, of: 4) == nil } == [0])
        let step = attention.step(49, of: 50)
        #expect((0..<40).filter { step?.layer($0, of: 40) == nil } == [0, 1])
        #expect((0..<30).filter { step?.layer($0, of: 30) == nil } == [0])
    }

    private static func settings(_ model: String, side: Int, frames: Int, _ attention: Attention) -> VideoSettings {
        VideoSettings(
            prompts: Prompts(positive: "a bird flies over the sea", negative: "grey"),
            clip: ClipShape(width: side, height: side, frames: frames, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: model.hasPrefix("cog") ? .ddim : .unipc, levels: .steps(3),
                shift: model.hasPrefix("cog") ? nil : 5, guidance: [3], attention: attention, seed: 1))
    }

    /// Latents behind each step.
    private static func latents(_ model: String, _ settings: VideoSettings) throws -> [[Float]] {
        let folder = try ModelFolder(path: Fixture.path("\(model)/model"))
        let pipeline = try Families.open(folder).pipeline(on: CPUBackend(threads: 2), dtype: .f32)
        try pipeline.validate(settings)
        let dump = TensorDump()
        try pipeline.generate(settings, report: { _ in true }, dump: dump, emit: { _ in })
        return dump.tensors.compactMap { name, _, values -> [Float]? in
            guard case .floats(let floats) = values, name.hasPrefix("step."), name.hasSuffix(".latents") else {
                return nil
            }
            return floats
        }
    }

    @Test(arguments: ["wan21-t2v", "cogvideox-5b"])
    func `where everything is kept it is full attention`(_ model: String) throws {
        let full = try Self.latents(model, Self.settings(model, side: 32, frames: 9, .full))
        #expect(full.count == 3)
        #expect(try Self.latents(model, Self.settings(model, side: 32, frames: 9, .factorized)) == full)
    }

    /// Random weights attend to nearly everything alike: of all drifts this is the worst, not that of a trained model.
    @Test(arguments: [("wan21-t2v", 0.1), ("cogvideox-5b", 0.1)])
    func `the first step is exact, the drift of the others is bounded`(_ model: String, _ bound: Double) throws {
        let full = try Self.latents(model, Self.settings(model, side: 256, frames: 17, .full))
        let factorized = try Self.latents(model, Self.settings(model, side: 256, frames: 17, .factorized))
        #expect(factorized[0] == full[0])
        for step in 1..<3 {
            let drift = Deviation(factorized[step], from: full[step])
            print("\(model), step \(step + 1): drift \(drift)")
            #expect(drift.relative > 1e-6 && drift.relative < bound, "\(drift)")
        }
    }

    @Test func `guidance that CogVideoX alone has is refused elsewhere`() throws {
        var settings = Self.settings("wan21-t2v", side: 32, frames: 5, .full)
        settings.sampling.guidanceSchedule = .dynamic
        let model = try Families.open(ModelFolder(path: Fixture.path("wan21-t2v/model")))
        #expect { try model.validate(settings) } throws: { ($0 as? VideoError)?.field == .guidanceSchedule }
    }
}

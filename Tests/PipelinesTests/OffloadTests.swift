import Compute
import ComputeCPU
import ComputeCUDA
import FakeGPU
import FoundationEssentials
import Glibc
import KernelEmulation
import Layers
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import Pipelines

/// Weights that come and go: the same clips, in the memory that the plan says.
@Suite(.bounded(minutes: 20)) struct OffloadTests {
    private static let blocks = 8

    /// A tiny model with many blocks.
    private static func model(
        _ name: String, blocks: Int = blocks, in folder: TemporaryFolder
    ) throws -> any VideoModel {
        try DeepModel.write(Fixture.path("\(name)/model"), to: folder.path, blocks: blocks)
        return try Families.open(ModelFolder(path: folder.path))
    }

    private static func settings(_ name: String, side: Int = 16, frames: Int = 1, steps: Int = 2) -> VideoSettings {
        let isFlow = name.hasPrefix("wan")
        return VideoSettings(
            prompts: Prompts(positive: "a bird flies over the sea", negative: "grey"),
            clip: ClipShape(width: side, height: side, frames: frames, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: isFlow ? .unipc : .ddim, levels: .steps(steps), shift: isFlow ? 3 : nil,
                guidance: [5, 4], seed: 1))
    }

    private static func frames(
        _ pipeline: any VideoPipeline, _ settings: VideoSettings, report: (VideoProgress) -> Void = { _ in }
    ) throws -> [Frame] {
        var frames: [Frame] = []
        try withoutActuallyEscaping(report) { report in
            try pipeline.validate(settings)
            try pipeline.generate(
                settings,
                report: {
                    report($0)
                    return true
                }, dump: nil, emit: { frames.append($0) })
        }
        return frames
    }

    private static let models = ["wan21-t2v", "wan22-a14b", "cogvideox-5b"]

    /// The emulation is slow: models take turns between the dtypes, with WAN_GOLDENS=all each has both.
    private static let turns: [(String, DType)] = {
        let all = ProcessInfo.processInfo.environment["WAN_GOLDENS"] == "all"
        let kinds = [DType.bf16, .f32]
        return models.enumerated().flatMap { number, name in
            kinds.enumerated().filter { all || $0.offset == number % 2 }.map { (name, $0.element) }
        }
    }()

    @Test(arguments: turns)
    func `a GPU makes the same clip whatever leaves its memory`(_ name: String, _ dtype: DType) throws {
        let folder = try TemporaryFolder()
        let model = try Self.model(name, in: folder)
        let settings = Self.settings(name)
        let gpu = FakeGPU(schedule: FAKE_SCHEDULE_MIXED)
        do {
            let backend = try gpu.backend()
            let expected = try Self.frames(
                model.pipeline(on: backend, dtype: dtype, within: MemoryTerms(offload: Offload.none)), settings)
            for offload in Offload.allCases.dropFirst() {
                let pipeline = model.pipeline(on: backend, dtype: dtype, within: MemoryTerms(offload: offload))
                // What is left from a clip before is no other than what comes anew.
                for _ in 0..<2 { #expect(try Self.frames(pipeline, settings) == expected, "\(offload)") }
            }
        }
        #expect(gpu.finish() == [])
    }

    @Test(arguments: [FAKE_SCHEDULE_LATE, FAKE_SCHEDULE_MIXED, FAKE_SCHEDULE_EARLY])
    func `every copy of a block may run beside work`(schedule: Int) throws {
        let folder = try TemporaryFolder()
        let model = try Self.model("wan21-t2v", in: folder)
        let settings = Self.settings("wan21-t2v")
        let gpu = FakeGPU(schedule: schedule)
        do {
            let pipeline = model.pipeline(
                on: try gpu.backend(), dtype: .f32, within: MemoryTerms(offload: .blocks))
            var copies = (all: 0, alone: 0)
            _ = try Self.frames(pipeline, settings) { progress in
                guard progress.stage == .denoise else { return }
                if progress.completed == 0 { gpu.remember() } else { copies = gpu.copies }
            }
            let pieces = 27
            // Two are there when the first of two steps begins, each of which is two passes.
            #expect(copies.all >= 2 * 2 * Self.blocks * pieces)
            #expect(copies.alone == 0, "\(copies)")
        }
        #expect(gpu.finish() == [])
    }

    /// What is asked to leave, nil for a limit below what one network at a time takes; what tensors are multiples of.
    private static let plans: [(String, Offload?, Int)] = [
        ("wan21-t2v", Offload.none, 16), ("wan21-t2v", .text, 16), ("wan21-t2v", .networks, 16),
        ("wan21-t2v", nil, 16), ("wan22-a14b", Offload.none, 16), ("wan22-a14b", .networks, 16),
        ("wan22-a14b", .networks, 512), ("wan21-t2v", Offload.none, 512), ("cogvideox-5b", .text, 16),
        ("cogvideox-5b", nil, 16),
    ]

    @Test(arguments: plans)
    func `a GPU's memory is filled as planned`(_ name: String, _ offload: Offload?, _ granule: Int) throws {
        let folder = try TemporaryFolder()
        let model = try Self.model(name, blocks: 24, in: folder)
        // Both experts get a step.
        let settings = Self.settings(name, frames: 5, steps: name == "wan22-a14b" ? 3 : 1)
        let gpu = FakeGPU { unsafe $0.cublaslt = 0 }
        do {
            let backend = try gpu.backend(granule: granule)
            var terms = MemoryTerms(offload: offload ?? .networks)
            if offload == nil {
                let profile = model.pipeline(on: backend, dtype: .f32, within: terms).profile
                terms = MemoryTerms(limitBytes: model.memory(settings, on: profile).peak / 10 * 7)
            }
            let pipeline = model.pipeline(on: backend, dtype: .f32, within: terms)
            let plan = model.memory(settings, on: pipeline.profile)
            #expect(plan.residency.offload == offload ?? .blocks)
            for _ in 0..<(offload == .text ? 2 : 1) { _ = try Self.frames(pipeline, settings) }
            let share = Double(backend.pool.peakBytes) / Double(plan.peak)
            #expect(abs(share - 1) < 0.05, "\(backend.pool.peakBytes) of \(plan.peaks) \(plan.residency)")
            if let limit = terms.limitBytes { #expect(backend.pool.peakBytes <= limit) }
        }
        #expect(gpu.finish() == [])
    }

    @Test func `where there is room, the second expert comes beside the last step of the first`() throws {
        let folder = try TemporaryFolder()
        let blocks = 24
        let model = try Self.model("wan22-a14b", blocks: blocks, in: folder)
        let settings = Self.settings("wan22-a14b", frames: 5, steps: 3)
        let gpu = FakeGPU(schedule: FAKE_SCHEDULE_MIXED) { unsafe $0.cublaslt = 0 }
        do {
            let backend = try gpu.backend()
            func plan(_ terms: MemoryTerms) -> MemoryEstimate {
                model.memory(settings, on: model.pipeline(on: backend, dtype: .f32, within: terms).profile)
            }
            let least = plan(MemoryTerms(offload: .networks))
            #expect(least.residency.aheadBytes == 0)
            let terms = MemoryTerms(limitBytes: (least.peak + plan(MemoryTerms(offload: .text)).peak) / 2)
            let plan = plan(terms)
            let ahead = plan.residency.aheadBytes
            let expert = plan[.denoise].weights - ahead
            #expect(plan.residency.offload == .networks && ahead > expert / 4 && ahead < expert)
            let pipeline = model.pipeline(on: backend, dtype: .f32, within: terms)
            var copies: (all: Int, alone: Int)?
            let found = try Self.frames(pipeline, settings) { progress in
                if progress.stage == .denoise, progress.completed == 0 { gpu.remember() }
                if progress.stage == .load, progress.completed == 0, gpu.copies.all > 0, copies == nil {
                    copies = gpu.copies
                }
            }
            let share = Double(backend.pool.peakBytes) / Double(plan.peak)
            #expect(abs(share - 1) < 0.05 && backend.pool.peakBytes <= terms.limitBytes ?? 0, "\(share)")
            // The ten matrices of a block, of as many blocks as there was room for.
            let beside = try #require(copies.map { $0.all - $0.alone })
            #expect(beside >= 10 * (blocks * ahead / expert - 1), "\(beside) of \(String(describing: copies))")
            let plain = model.pipeline(on: backend, dtype: .f32, within: MemoryTerms(offload: Offload.none))
            #expect(try Self.frames(plain, settings) == found)
            #expect(try Self.frames(pipeline, settings) == found)
        }
        #expect(gpu.finish() == [])
    }

    @Test(arguments: models, [DType.f32, .bf16])
    func `a processor makes the same clip whatever leaves its memory`(_ name: String, _ dtype: DType) throws {
        let folder = try TemporaryFolder()
        let model = try Self.model(name, in: folder)
        let settings = Self.settings(name, side: 32)
        let backend = try CPUBackend(threads: 2)
        let expected = try Self.frames(
            model.pipeline(on: backend, dtype: dtype, within: MemoryTerms(offload: Offload.none)), settings)
        for offload in Offload.allCases.dropFirst() {
            let pipeline = model.pipeline(on: backend, dtype: dtype, within: MemoryTerms(offload: offload))
            for _ in 0..<2 { #expect(try Self.frames(pipeline, settings) == expected, "\(offload)") }
        }
    }

    @Test func `while one expert works the other's weights come from the disk`() throws {
        let folder = try TemporaryFolder()
        let model = try Self.model("wan22-a14b", in: folder)
        let file = folder.file("transformer_2/diffusion_pytorch_model.safetensors")
        let pipeline = try model.pipeline(
            on: CPUBackend(threads: 2), dtype: .f32, within: MemoryTerms(offload: .networks))
        var (isDropped, found) = (false, [Double]())
        _ = try Self.frames(pipeline, Self.settings("wan22-a14b", steps: 4)) { progress in
            if progress.stage == .denoise, !isDropped {
                PageCache.drop(file)
                isDropped = PageCache.share(of: file) == 0
            } else if isDropped, progress.stage == .load, progress.completed == 0, found.isEmpty {
                found.append(PageCache.share(of: file))
            }
        }
        #expect(isDropped && found.first.map { $0 > 0.9 } == true, "\(isDropped) \(found)")
    }

    @Test func `blocks that are converted wait in the host's memory`() throws {
        let folder = try TemporaryFolder()
        let blocks = 16
        // Stored in bf16.
        let model = try Self.model("cogvideox-5b", blocks: blocks, in: folder)
        func memory(_ offload: Offload, _ dtype: DType) -> MemoryEstimate {
            model.memory(
                Self.settings("cogvideox-5b"),
                on: DeviceProfile(name: "d", dtype: dtype, copiesWeights: true, memoryBytes: nil, offload: offload))
        }
        #expect(memory(.blocks, .bf16).residency.hostBytes == 0)
        let (all, few) = (memory(.networks, .f32), memory(.blocks, .f32))
        let block = (all[.denoise].weights - few[.denoise].weights) / (blocks - Blocks<Never>.places)
        #expect(block > 0 && few.residency.hostBytes == blocks * block, "\(few.residency) \(block)")
    }

    @Test func `as little leaves as need be, and what does not fit is refused`() throws {
        let folder = try TemporaryFolder()
        let blocks = 64
        let model = try Self.model("wan22-a14b", blocks: blocks, in: folder)
        let settings = Self.settings("wan22-a14b")
        func memory(_ bytes: Int?, _ offload: Offload? = nil) -> MemoryEstimate {
            model.memory(
                settings,
                on: DeviceProfile(
                    name: "d", dtype: .f32, copiesWeights: true, memoryBytes: bytes, offload: offload))
        }
        var before = Int.max
        for offload in Offload.allCases {
            let plan = memory(nil, offload)
            #expect(plan.residency.offload == offload)
            #expect(plan.peak < before)
            before = plan.peak
            #expect(memory(plan.peak).residency.offload == offload)
            if offload != .blocks { #expect(memory(plan.peak - 1).residency.offload != offload) }
        }
        let least = memory(nil, .blocks)
        #expect(least.residency.turns[.denoise] == .init(staying: 0, count: blocks))
        // Where there is room for more, more stay.
        let middle = memory((memory(nil, .networks).peak + least.peak) / 2)
        let staying = try #require(middle.residency.turns[.denoise]?.staying)
        #expect(staying > 0 && middle.peak <= (memory(nil, .networks).peak + least.peak) / 2)
        #expect((middle.residency.broughtBytes[.denoise] ?? 0) < (least.residency.broughtBytes[.denoise] ?? 0))
        let device = DeviceProfile(name: "d", dtype: .f32, copiesWeights: true, memoryBytes: least.peak - 1)
        #expect(throws: VideoError.self) { try model.checkMemory(settings, on: device) }
    }
}

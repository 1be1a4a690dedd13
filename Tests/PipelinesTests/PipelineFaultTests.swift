import Compute
import ComputeCUDA
import FakeGPU
import KernelEmulation
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import Pipelines

/// Whole runs on a GPU that is too small, that goes away, and that should be asked for nothing in the step loop.
@Suite(.bounded) struct PipelineFaultTests {
    private static func pipeline(on backend: any Backend) throws -> any VideoPipeline {
        try Families.open(ModelFolder(path: Fixture.path("wan21-t2v/model"))).pipeline(on: backend, dtype: .bf16)
    }

    private static func settings(side: Int = 16, frames: Int = 1, steps: Int = 2) -> VideoSettings {
        VideoSettings(
            prompts: Prompts(positive: "a bird"),
            clip: ClipShape(width: side, height: side, frames: frames, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .unipc, levels: .steps(steps), shift: 3, guidance: [5], seed: 1))
    }

    @Test func `a clip that does not fit is refused before work, with one that does`() throws {
        let total = 1 << 30
        let gpu = FakeGPU { unsafe $0.cublaslt = 0 }
        let pipeline = try Self.pipeline(on: gpu.backend())
        // The denoiser needs the most with many frames, the decoder with few.
        let wanted = Self.settings(side: 512, frames: 1601)
        // With two blocks each, networks leave as wholes.
        let device = DeviceProfile(
            name: "d", dtype: .bf16, copiesWeights: true, memoryBytes: nil, offload: .networks)
        func peak(_ settings: VideoSettings) -> Int { pipeline.model.memory(settings, on: device).peak }
        let (whole, shorter) = (peak(wanted), peak(Self.settings(side: 512, frames: 1201)))
        let single = peak(Self.settings(side: 512))
        let tiled = try #require(
            stride(from: 1601, to: 0, by: -4).first { frames in
                var settings = Self.settings(side: 512, frames: frames)
                settings.tilesVAE = true
                return peak(settings) < single
            })
        for (free, fits) in [
            (whole, nil), (shorter, "1201 frames fit at this size"), (shorter - 1, "1197 frames fit at this size"),
            (single - 1, "\(tiled) frames fit at this size with tilesVAE = true"),
            (1 << 10, "the weights alone take 0.0 GB; use a smaller model; or device = cpu"),
        ] {
            gpu.take(total - free)
            do throws(VideoError) {
                try pipeline.validate(wanted)
                #expect(fits == nil)
            } catch {
                #expect(error.code == .outOfMemory)
                #expect(error.hint == fits)
                #expect(error.message.hasPrefix("512 x 512 in 1601 frames needs about "))
            }
        }
        #expect(gpu.runs() == 0)
        #expect(gpu.calls("cuMemAllocAsync") == 0)
    }

    @Test(arguments: [FAKE_SCHEDULE_LATE, FAKE_SCHEDULE_MIXED, FAKE_SCHEDULE_EARLY])
    func `a step asks for no memory and launches one graph a pass`(schedule: Int) throws {
        let names = ["cuMemAllocAsync", "cuMemAllocHost_v2", "cuModuleLoadData", "cuLaunchKernel", "cuGraphLaunch"]
        for seed in 1...2 as ClosedRange<UInt64> {
            let gpu = FakeGPU(schedule: schedule, seed: seed)
            var steps: [[Int]] = []
            do {
                let backend = try gpu.backend()
                let held = backend.pool.currentBytes
                try Self.pipeline(on: backend).generate(
                    Self.settings(steps: 5),
                    report: { progress in
                        if progress.stage == .denoise { steps.append(names.map(gpu.calls)) }
                        return true
                    }, dump: nil, emit: { _ in })
                #expect(backend.pool.currentBytes == held)
            }
            try #require(steps.count == 6)
            for step in 3..<6 {
                let calls = zip(steps[step], steps[step - 1]).map { $0 - $1 }
                #expect(calls[..<3] == [0, 0, 0], "step \(step)")
                // Guidance and the solver are not recorded.
                #expect(calls[3] < 8, "step \(step)")
                #expect(calls[4] == 2, "step \(step)")
            }
            #expect(gpu.finish() == [])
        }
    }

    @Test func `a GPU that is lost at any stage ends the clip as lost`() throws {
        for (number, stage) in VideoProgress.Stage.allCases.enumerated() {
            let gpu = FakeGPU(schedule: number % 3)
            do {
                let pipeline = try Self.pipeline(on: gpu.backend())
                let error = #expect(throws: VideoError.self) {
                    try pipeline.generate(
                        Self.settings(),
                        report: { progress in
                            if progress.stage == stage { gpu.lose(afterCalls: 3, 719) }
                            return true
                        }, dump: nil, emit: { _ in })
                }
                #expect(error?.code == .deviceLost)
                #expect(error?.message.hasPrefix("cuda:0 is lost: ") == true)
                #expect(error?.hint?.contains("device = cpu") == true)
            }
            #expect(gpu.finish() == [], "\(stage)")
        }
    }

    @Test func `memory that another process takes meanwhile is an error with a remedy`() throws {
        let gpu = FakeGPU { unsafe $0.cublaslt = 0 }
        do {
            let pipeline = try Self.pipeline(on: gpu.backend())
            let error = #expect(throws: VideoError.self) {
                try pipeline.generate(
                    Self.settings(),
                    report: { progress in
                        if progress.stage == .denoise { gpu.take((1 << 30) - gpu.usedBytes) }
                        return true
                    }, dump: nil, emit: { _ in })
            }
            #expect(error?.code == .outOfMemory)
            #expect(error?.hint == "use a smaller size or fewer frames; tilesVAE = true needs less memory")
        }
        #expect(gpu.finish() == [])
    }
}

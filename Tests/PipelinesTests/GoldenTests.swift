import Compute
import ComputeCPU
import FakeGPU
import Foundation
import GoldenRuns
import KernelEmulation
import TestSupport
import TestTools
import Testing

/// Whole runs on tiny random models against Diffusers, compared stage by stage and block by block.
@Suite(.bounded(minutes: 20)) struct GoldenTests {
    static let runs = GoldenRun.all(in: Fixture.path(""))

    @Test(arguments: runs) func `every stage and block equals Diffusers`(_ run: GoldenRun) throws {
        let found = try run.compare(on: CPUBackend(threads: 2), .f32)
        #expect(found.failures == [])
    }

    @Test(arguments: runs) func `bf16 stays near Diffusers in f32`(_ run: GoldenRun) throws {
        let found = try run.compare(on: CPUBackend(threads: 2), .bf16)
        #expect(found.failures == [])
    }

    /// The emulation is slow: runs take turns between the dtypes, with WAN_GOLDENS=all each has both.
    private static func turn(_ number: Int) -> [GoldenRun] {
        let all = ProcessInfo.processInfo.environment["WAN_GOLDENS"] == "all"
        return runs.indices.filter { all || $0 % 2 == number }.map { runs[$0] }
    }

    @Test(arguments: turn(0)) func `every stage and block equals Diffusers on a GPU`(_ run: GoldenRun) throws {
        let gpu = FakeGPU(9, 0)
        let found = try run.compare(on: gpu.backend(), .f32)
        #expect(found.failures == [])
        #expect(gpu.runs() > 100)
        #expect(gpu.finish() == [])
    }

    @Test(arguments: turn(1)) func `bf16 stays near Diffusers in f32 on a GPU`(_ run: GoldenRun) throws {
        let gpu = FakeGPU(8, 9, schedule: FAKE_SCHEDULE_MIXED)
        let found = try run.compare(on: gpu.backend(), .bf16)
        #expect(found.failures == [])
        #expect(gpu.finish() == [])
    }
}

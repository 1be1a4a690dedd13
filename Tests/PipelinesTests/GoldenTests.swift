import Compute
import ComputeCPU
import TestSupport
import Testing

/// Whole runs on tiny random models against Diffusers, compared stage by stage and block by block.
struct GoldenTests {
    static let runs = GoldenRun.all(in: Fixture.path(""))

    @Test(arguments: runs) func `every stage and block equals Diffusers`(_ run: GoldenRun) throws {
        #expect(try run.compare(on: CPUBackend(threads: 2), .f32).failures == [])
    }

    @Test(arguments: runs) func `bf16 stays near Diffusers in f32`(_ run: GoldenRun) throws {
        #expect(try run.compare(on: CPUBackend(threads: 2), .bf16).failures == [])
    }
}

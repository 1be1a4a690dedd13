import ComputeCUDA
import FakeGPU
import TestSupport
import VideoTypes

@testable import GPUBench

/// The benchmark on a GPU that is not there, with what it printed.
final class Benchmark {
    let gpu: FakeGPU
    let folder: TemporaryFolder
    private(set) var lines: [String] = []

    init(_ major: Int32 = 9, _ minor: Int32 = 0) throws {
        gpu = FakeGPU(major, minor)
        folder = try TemporaryFolder()
    }

    var machine: GPUMachine {
        GPUMachine(
            libraries: gpu.libraries, threads: 1,
            tuning: CUDABackend.Tuning(memoryGranularity: 16, slabBytes: 1 << 16))
    }

    var output: BenchOutput { BenchOutput(folder: folder.path) { self.lines.append($0) } }

    func written(_ name: String) throws -> JSONObject { try JSONObject(path: folder.file("\(name).json")) }
}

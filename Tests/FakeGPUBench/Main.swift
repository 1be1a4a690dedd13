import ComputeCUDA
import FakeGPU
import GPUBench
import KernelEmulation

#if canImport(Glibc)
import Glibc
#endif

/// gpu-bench on a faked H100 whose kernels do as the environment says: FAKE_GPU_HANGS and FAKE_GPU_FAULTS name one that
/// never ends or reaches for foreign memory, FAKE_GPU_REFUSES one that the compiler spoils.
@main
enum Main {
    static func main() {
        let gpu = FakeGPU(9, 0)
        if let kernel = variable("FAKE_GPU_HANGS") { unsafe fake_cuda_doom_kernel(gpu.machine, kernel, 0) }
        if let kernel = variable("FAKE_GPU_FAULTS") { unsafe fake_cuda_doom_kernel(gpu.machine, kernel, 700) }
        if let kernel = variable("FAKE_GPU_REFUSES") { unsafe fake_cuda_set_spill(gpu.machine, kernel, 8, 8, nil) }
        runBenchmark(
            on: GPUMachine(
                libraries: gpu.libraries, threads: 1,
                tuning: CUDABackend.Tuning(memoryGranularity: 16, slabBytes: 1 << 16)))
    }

    private static func variable(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}

import Compute
import ComputeCUDA
import FoundationEssentials
import VideoTypes

/// The GPU, NVIDIA's libraries, and what compiling our kernels takes.
struct FactsReport {
    let machine: GPUMachine
    let output: BenchOutput

    /// Whether every kernel was compiled.
    func run() throws -> Bool {
        let driver = try machine.libraries.driver()
        let device = try CUDADevice.find(machine.ordinal, driver)
        let compiler = try machine.libraries.compiler(for: device.architecture, driver: driver.version)
        let products = machine.libraries.products(driver: driver.version)
        let cache = FileManager.default.temporaryDirectory.appending(path: "gpu-bench-" + UUID().uuidString).path
        defer { try? FileManager.default.removeItem(atPath: cache) }
        var measured = machine
        measured.cacheFolder = cache
        let cold = try compile(measured)
        let warm = try compile(measured)
        let memory = Double(device.memoryBytes) / Double(1 << 30)
        output.line(
            "\(device.name), compute capability \(device.architecture.capability), \(device.multiprocessors) "
                + "multiprocessors, \(shown(memory, 1)) GiB")
        output.line("driver for CUDA \(driver.version), NVRTC \(compiler.version) (\(compiler.library.path))")
        output.line("cuBLASLt: \(products?.path ?? "missing")")
        output.line(
            "\(warm.kernels.count) kernels: \(shown(cold.seconds)) s to compile with \(machine.threads) threads, "
                + "\(shown(warm.seconds, 3)) s from the cache")
        for error in warm.refused { output.line("REFUSED \(error)") }
        for kernel in warm.kernels {
            let spilled = kernel.spilledBytes == 0 ? "" : ", \(kernel.spilledBytes) bytes spilled"
            output.line("  \(kernel.name): \(kernel.registers) registers\(spilled)")
        }
        try output.write(
            "facts",
            .object([
                ("device", .string(device.name)), ("capability", .string(device.architecture.capability)),
                ("multiprocessors", .integer(device.multiprocessors)), ("memory_bytes", .integer(device.memoryBytes)),
                ("driver_cuda", .string("\(driver.version)")), ("nvrtc", .string("\(compiler.version)")),
                ("cublaslt", products.map { .string($0.path) } ?? .null),
                ("compile_seconds", .number(cold.seconds)), ("cached_seconds", .number(warm.seconds)),
                ("compile_threads", .integer(machine.threads)),
                ("refused", .array(warm.refused.map { .string("\($0)") })),
                ("registers", .object(warm.kernels.map { ($0.name, .integer($0.registers)) })),
            ]))
        return warm.refused.isEmpty
    }

    /// What became of the kernels, and how long it took from a started driver on.
    private struct Compiled {
        let seconds: Double
        let kernels: [CompileLog.Kernel]
        let refused: [ComputeError]
    }

    private func compile(_ machine: GPUMachine) throws -> Compiled {
        let start = ContinuousClock.now
        let (kernels, refused) = try machine.backend().compiledKernels()
        return Compiled(seconds: seconds(since: start), kernels: kernels, refused: refused)
    }
}

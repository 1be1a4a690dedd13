import Compute
import ComputeCUDA
import FoundationEssentials
import VideoTypes

/// The GPU, NVIDIA's libraries, and what compiling our kernels takes.
struct FactsReport {
    let machine: GPUMachine
    let output: BenchOutput

    func run() throws {
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
        for (kernel, registers) in warm.kernels { output.line("  \(kernel): \(registers) registers") }
        try output.write(
            "facts",
            .object([
                ("device", .string(device.name)), ("capability", .string(device.architecture.capability)),
                ("multiprocessors", .integer(device.multiprocessors)), ("memory_bytes", .integer(device.memoryBytes)),
                ("driver_cuda", .string("\(driver.version)")), ("nvrtc", .string("\(compiler.version)")),
                ("cublaslt", products.map { .string($0.path) } ?? .null),
                ("compile_seconds", .number(cold.seconds)), ("cached_seconds", .number(warm.seconds)),
                ("compile_threads", .integer(machine.threads)),
                ("registers", .object(warm.kernels.map { ($0.kernel, .integer($0.registers)) })),
            ]))
    }

    /// From a started driver to every kernel's machine code.
    private func compile(
        _ machine: GPUMachine
    ) throws -> (seconds: Double, kernels: [(kernel: String, registers: Int)]) {
        let start = ContinuousClock.now
        let kernels = try machine.backend().registers()
        return (seconds(since: start), kernels)
    }
}

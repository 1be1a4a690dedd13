import Compute
import GoldenRuns
import VideoTypes

/// Whole runs on tiny models against Diffusers.
struct GoldensReport {
    let machine: GPUMachine
    let output: BenchOutput
    /// Where `Tests/Reference` puts its files.
    let folder: String
    /// Names as "wan21-t2v/unipc"; nil for all.
    let only: [String]?

    func run() throws -> Bool {
        let asked = GoldenRun.all(in: folder).filter { only?.contains("\($0)") ?? true }
        guard !asked.isEmpty else { throw BenchCommand.UsageError(description: "no such golden: \(only ?? [])") }
        var rows: [JSONText] = []
        var failures = 0
        for golden in asked {
            for dtype in [DType.f32, .bf16] {
                let result: GoldenRun.Comparison
                do {
                    let backend = try machine.backend(poisonsMemory: true)
                    result = try machine.watchdog.watch("\(golden), \(dtype)") {
                        try golden.compare(on: backend, dtype)
                    }
                } catch {
                    failures += 1
                    output.line("\(golden) \(dtype): FAILED, \(error)")
                    continue
                }
                let verdict = result.failures.isEmpty ? "right" : "FAILED"
                output.line(
                    "\(golden) \(dtype): \(verdict), worst \(result.worst.name) \(result.worst.relative), frames "
                        + "\(shown(result.psnr, 1)) dB")
                for failure in result.failures { output.line("  \(failure)") }
                failures += result.failures.count
                rows.append(
                    .object([
                        ("golden", .string("\(golden)")), ("dtype", .string("\(dtype)")),
                        ("servers", .string(machine.serversName)),
                        ("failures", .array(result.failures.map { .string($0) })),
                        ("worst", .string(result.worst.name)), ("worst_relative", .number(result.worst.relative)),
                        ("psnr", .number(result.psnr)),
                    ]))
                try output.write("goldens", .array(rows))
            }
        }
        output.line(failures == 0 ? "goldens: all right" : "goldens: \(failures) FAILED")
        return failures == 0
    }
}

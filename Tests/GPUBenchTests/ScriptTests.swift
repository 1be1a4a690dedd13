import Foundation
import TestSupport
import TestTools
import Testing

/// bench/gpu/run.sh on a faked GPU with a kernel that does not do what it should.
@Suite(.bounded(minutes: 20), .serialized, .needs("bash", "python3"))
struct ScriptTests {
    /// The program lies beside the test bundle that is running.
    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("fake-gpu-bench").path

    /// Runs the checks of one group of simple and one of risky operations.
    private func checks(_ fault: (name: String, kernel: String), goldens: String = "") throws -> (Int32, String) {
        let folder = try TemporaryFolder()
        let files = FileManager.default
        for name in ["run.sh", "report.py"] {
            try files.copyItem(atPath: Repository.path("bench/gpu/\(name)"), toPath: folder.file(name))
        }
        try files.createSymbolicLink(
            atPath: folder.file("fixtures"), withDestinationPath: Repository.path("Tests/PipelinesTests/Fixtures"))
        let run = try Subprocess(
            #require(Subprocess.find("bash")), [folder.file("run.sh"), "--on-device", folder.file("out"), "checks"],
            environment: [
                "GPU_BENCH_PROGRAM": Self.program, fault.name: fault.kernel, "GPU_BENCH_SIMPLE": "memory",
                "GPU_BENCH_RISKY": "attention", "GPU_BENCH_OPS": "--quick --random 0 --matching last",
                "GPU_BENCH_GOLDENS": goldens,
                "PATIENCE_SECONDS": "45",
                "LIMIT_SECONDS": "600", "DEADLINE_SECONDS": "800", "TMPDIR": folder.path,
            ])
        let report = try String(contentsOf: URL(filePath: folder.file("out/report.md")), encoding: .utf8)
        #expect(files.fileExists(atPath: folder.file("out/results.json")), "\(run.output)")
        return (run.status, report)
    }

    @Test func `a kernel that hangs is named, and what comes after runs without its kind`() throws {
        let (status, report) = try checks(("FAKE_GPU_HANGS", "attention_sm90_64"), goldens: "wan21-t2v/unipc")
        #expect(status == 1)
        #expect(report.contains("- ops attention: the GPU did not answer; begun last: attention "), "\(report)")
        #expect(report.contains("| memory against float64 |"))
        #expect(report.contains("| attention against float64, portable kernels |"))
        #expect(report.contains("| golden wan21-t2v/unipc, f32, portable kernels | 1 | 0 |"), "\(report)")
        #expect(report.contains("| golden wan21-t2v/unipc, bf16, portable kernels | 1 | 0 |"), "\(report)")
    }

    @Test(arguments: [("FAKE_GPU_FAULTS", "attention_sm90_64"), ("FAKE_GPU_REFUSES", "attention_sm90_128")])
    func `one that faults or is refused spoils its own part alone`(fault: String, kernel: String) throws {
        let (status, report) = try checks((fault, kernel))
        #expect(status == 1)
        #expect(report.contains("- ops attention: status 2; begun last: attention "), "\(report)")
        #expect(report.contains("| attention against float64, portable kernels |"), "\(report)")
        #expect(report.contains("facts: something is wrong") == (fault == "FAKE_GPU_REFUSES"), "\(report)")
    }
}

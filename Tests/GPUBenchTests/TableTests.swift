import Foundation
import TestSupport
import TestTools
import Testing

/// The table that bench/gpu/report.py makes of what was measured.
@Suite(.bounded, .needs("python3")) struct TableTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: folder.file(name)))
    }

    private func report() throws -> Subprocess {
        try Subprocess(
            #require(Subprocess.find("python3")),
            ["-B", Repository.path("bench/gpu/report.py"), folder.path, "--date", "2026-01-02"])
    }

    @Test func `aims are met, missed or not measured, and PyTorch stands beside`() throws {
        // 600 TFLOP/s are 6 ms for 3.6 TFLOP.
        try write(
            "kernels.json",
            """
            {"device": "A card", "repeats": 15, "ceilings": {"matmul_tflops": 798.4, "matmul_by": "cuBLASLt",
            "copy_tb_per_s": 2.9}, "attention": [
            {"name": "long", "heads": 24, "head_dim": 128, "queries": 2000, "keys": 2000, "flops": 3.6e12,
            "ms": {"warpgroups": 5.0, "portable": 9.0}},
            {"name": "text", "heads": 24, "head_dim": 128, "queries": 2000, "keys": 512, "flops": 1e12,
            "ms": {"portable": 9.0}}], "gemm": [
            {"name": "p", "m": 1, "n": 2, "k": 3, "epilogue": "gelu", "flops": 1e12,
            "ms": {"warpgroups": 2.0, "cublaslt": 1.0}},
            {"name": "q", "m": 1, "n": 2, "k": 4, "epilogue": "none", "flops": 1e12, "ms": {"warpgroups": null}}],
            "convolution": []}
            """)
        try write(
            "torch_kernels.json",
            """
            {"torch": "2.11", "ceilings": {}, "attention": [{"name": "long", "heads": 24, "head_dim": 128,
            "queries": 2000, "keys": 2000, "ms": 6.0, "by": "cudnn"}], "gemm": [], "convolution": []}
            """)
        let report = try report()
        #expect(report.status == 0, "\(report.errors)")
        let text = report.output
        #expect(text.hasPrefix("# GPU, 2026-01-02\n\n- card: A card"))
        #expect(
            text.contains(
                "| long: 2000 × 2000, 24 heads of 128 | 720 | 400 | 600 (cudnn) | 1.20 | ≥ 600 | met |"), "\(text)")
        #expect(text.contains("| text: 2000 × 512, 24 heads of 128 | — | 111 | — | — |  |  |"))
        #expect(text.contains("| p: 1 × 2 × 3 | gelu | 500 | — | 1000 | — | 0.50 | ≥ 0.95 | **missed** |"))
        #expect(text.contains("Aims: 1 met, 1 missed, 1 not measured."))
        #expect(text.contains("Missing here: facts, ops, goldens, models, torch_steps."))
    }

    @Test func `parts and folders are joined, and go into one file`() throws {
        try write("kernels.a.json", #"{"gemm": [{"name": "p", "m": 1, "flops": 1e9, "ms": {"portable": 2}}]}"#)
        try write("kernels.b.json", #"{"gemm": [{"name": "p", "m": 1, "flops": 1e9, "ms": {"warpgroups": 1}}]}"#)
        try write("ops.a.json", #"[{"group": "norms", "cases": 1, "servers": "all"}]"#)
        try write("ops.b.json", #"[{"group": "norms", "cases": 2, "servers": "portable"}]"#)
        try write("results.json", #"{"facts": {"device": "A card"}}"#)
        try write("goldens.c.json", "not JSON")
        let merged = try Subprocess(
            #require(Subprocess.find("python3")),
            [
                "-c",
                """
                import json, pathlib, sys
                sys.path.insert(0, sys.argv[1])
                import report
                print(json.dumps(report.load([pathlib.Path(sys.argv[2])]), sort_keys=True))
                """, Repository.path("bench/gpu"), folder.path,
            ])
        #expect(merged.errors.contains("goldens.c.json"))
        #expect(
            merged.output == """
                {"facts": {"device": "A card"}, "kernels": {"gemm": [{"flops": 1000000000.0, "m": 1, "ms": \
                {"portable": 2, "warpgroups": 1}, "name": "p"}]}, "ops": [{"cases": 1, "group": "norms", "servers": \
                "all"}, {"cases": 2, "group": "norms", "servers": "portable"}]}

                """)
    }

    @Test func `checks and whole models have their rows`() throws {
        try write(
            "ops.json",
            """
            [{"group": "norms", "cases": 3, "failures": ["x"], "worst": "a norm", "worst_relative": 1e-7,
            "worst_share": 0.05}]
            """)
        try write("memcheck.txt", "========= ERROR SUMMARY: 0 errors\n")
        try write("racecheck.txt", "no such thing\n")
        try write("failed.txt", "ops attention: the GPU did not answer; begun last: attention 1 x 1\n")
        try write(
            "models.json",
            """
            [{"model": "wan2.1-t2v-1.3b", "width": 832, "height": 480, "frames": 81, "fps": 16, "step_seconds": 0.9,
            "text_seconds": 0.01, "context_seconds": 0.002, "decode_seconds": 0.9, "load_seconds": [1.0, 2.0, 0.5],
            "peak_bytes": 9000000000, "whole_seconds": 28, "video_per_minute": 10.8,
            "video_per_minute_without_vae": 11.3, "outside_share": 0.001}]
            """)
        try write(
            "torch_steps.json",
            """
            {"steps": [{"model": "t2v-1.3b", "what": "a stack", "eager_seconds": 1.8, "compiled_seconds": 1.5}]}
            """)
        let report = try report()
        #expect(report.status == 0, "\(report.errors)")
        let text = report.output
        let title = "wan2.1-t2v-1.3b 832×480×81"
        #expect(text.contains("| norms against float64 | 3 | 1 | a norm: 5 % |"))
        #expect(text.contains("| compute-sanitizer memcheck | quick operations | 0 | 0 errors |"))
        #expect(text.contains("| compute-sanitizer racecheck | quick operations | not checked |"))
        #expect(
            text.contains("| \(title): step with guidance | 0.900 s | 1.500 s (compiled) | 0.60 | ≤ 0.95 s | met |"),
            "\(text)")
        #expect(text.contains("| \(title): step with guidance | 0.900 s | 1.800 s (eager) | 0.50 |  |  |"))
        #expect(text.contains("| \(title): VAE, frames copied out | 0.900 s |  |  | ≤ 0.8 s | **missed** |"))
        #expect(text.contains("PyTorch's step is that of: a stack;"))
    }

    @Test func `a folder without results is refused`() throws {
        let report = try report()
        #expect(report.status == 1 && report.errors.contains("no result there"))
    }
}

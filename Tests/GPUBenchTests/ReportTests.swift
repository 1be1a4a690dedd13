import Compute
import ComputeCUDA
import FakeGPU
import TestSupport
import TestTools
import Testing

@testable import GPUBench

@Suite(.bounded, .serialized)
struct ReportTests {
    @Test func `facts name the card, its libraries and the registers of kernels`() throws {
        let bench = try Benchmark()
        #expect(try FactsReport(machine: bench.machine, output: bench.output).run())
        let facts = try bench.written("facts")
        #expect(facts["capability"]?.text == "9.0")
        #expect((facts["compile_seconds"]?.number ?? 0) > 0)
        #expect(facts["registers"]?.keys.contains("attention_sm90_128") == true, "\(bench.lines)")
        #expect(bench.gpu.finish() == [])
    }

    @Test func `operations of random sizes are right, on poisoned memory too`() throws {
        let bench = try Benchmark()
        let cases = OpCase.random(1, seed: 17)
        #expect(try OpsReport(machine: bench.machine, output: bench.output, groups: cases).run(), "\(bench.lines)")
        let groups = try bench.written("ops").list
        #expect(groups.count == 6 && groups.allSatisfy { $0["cases"]?.number == 1 })
        #expect(bench.gpu.finish() == [])
    }

    @Test func `an operation that writes nothing fails`() throws {
        let bench = try Benchmark()
        let lazy = OpCase("lazy", 1) { backend in
            OpResult(try backend.download(backend.allocate([3], .f32)), from: [0, 0, 0])
        }
        let report = OpsReport(machine: bench.machine, output: bench.output, groups: [("lazy", [lazy])])
        #expect(try report.run() == false)
        #expect(try bench.written("ops").list.first?["failures"]?.list.count == 1)
        #expect(bench.lines.first?.hasPrefix("FAILED lazy") == true)
    }

    @Test func `a kernel that fails is told, and the others are timed`() throws {
        let bench = try Benchmark()
        var shapes = KernelShapes(
            attention: [],
            gemm: ["none", "nonsense", "none"].map { .init(name: "p", m: 8, n: 8, k: 8, epilogue: $0) }, convolution: []
        )
        shapes.ceilings = .init(productSide: 64, copiedElements: 300)
        let report = KernelsReport(
            machine: bench.machine, output: bench.output, shapes: shapes, repeats: 1, period: 101)
        #expect(try report.run() == false)
        #expect(try bench.written("kernels")["gemm"]?.list.count == 2)
    }

    @Test func `new memory is NaN where that is asked for`() throws {
        let bench = try Benchmark()
        for dtype in [DType.f32, .bf16] {
            let backend = try bench.machine.backend(poisonsMemory: true)
            let values = try backend.download(backend.allocate([5], dtype))
            #expect(values.allSatisfy { $0.isNaN })
        }
    }

    @Test func `random cases are the same for the same seed`() {
        let names = { (seed: Int) in OpCase.random(20, seed: seed).flatMap { $0.cases.map(\.description) } }
        #expect(names(1) == names(1) && names(1) != names(2))
    }

    @Test func `every kernel is timed in every way that there is`() throws {
        let bench = try Benchmark()
        var shapes = KernelShapes(
            attention: [.init(name: "a", heads: 1, head_dim: 64, queries: 130, keys: 128)],
            gemm: [
                .init(name: "p", m: 130, n: 128, k: 64, epilogue: "none"),
                .init(name: "p", m: 130, n: 128, k: 64, epilogue: "gated_add"),
            ],
            convolution: [.init(name: "c", height: 6, width: 8, inputs: 16, outputs: 64, kernel: [3, 3, 3])])
        shapes.ceilings = .init(productSide: 128, copiedElements: 3000)
        let report = KernelsReport(
            machine: bench.machine, output: bench.output, shapes: shapes, repeats: 2, period: 1013)
        #expect(try report.run())
        let kernels = try bench.written("kernels")
        #expect(kernels["attention"]?.list.first?["ms"]?.keys == ["portable", "warpgroups"])
        #expect(kernels["gemm"]?.list.last?["ms"]?.keys == ["cublaslt", "portable", "warpgroups"])
        #expect(kernels["convolution"]?.list.first?["flops"]?.number == 2_654_208)
        #expect(bench.gpu.runs("attention_sm90_64") == 5 && bench.gpu.runs("attention_64") == 5)
        #expect(bench.lines.count == 6, "\(bench.lines)")
        #expect(bench.gpu.finish() == [])
    }

    @Test func `the published shapes are read`() throws {
        let path = Repository.path("bench/gpu/shapes.json")
        let command = try BenchCommand(["kernels", path])
        #expect(command.paths == [path])
        let shapes = try KernelShapes(path: path)
        #expect(shapes.attention.count >= 4 && shapes.gemm.count >= 12 && shapes.convolution.count >= 10)
        #expect(shapes.gemm.allSatisfy { ["none", "gelu", "add", "gated_add"].contains($0.epilogue) })
    }
}

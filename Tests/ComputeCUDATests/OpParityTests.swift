import Compute
import ComputeCUDA
import FakeGPU
import KernelEmulation
import TestSupport
import TestTools
import Testing

@Suite(.bounded(minutes: 20), .serialized)
struct CUDAOpParityTests {
    @Test(
        arguments: [
            ("linear", OpCase.linear), ("convolution", OpCase.convolution), ("attention", OpCase.attention),
            ("norms", OpCase.norms), ("elementwise", OpCase.elementwise), ("layout", OpCase.layout),
            ("memory", OpCase.memory),
        ])
    func `operations agree with their float64 references on every kind of GPU`(
        group: String, cases: [OpCase]
    ) throws {
        for (number, kind) in [(Int32(8), Int32(0)), (8, 9), (9, 0)].enumerated() {
            let gpu = FakeGPU(kind.0, kind.1, schedule: number, seed: UInt64(number + 1))
            try check(cases, on: gpu, "sm_\(kind.0)\(kind.1)")
            #expect(gpu.finish() == [])
        }
    }

    private func check(_ cases: [OpCase], on gpu: FakeGPU, _ name: String) throws {
        let backend = try gpu.backend()
        for op in cases {
            do {
                let result = try op.run(on: backend)
                let expected = result.reference()
                let deviation = expected.deviation(of: result.found)
                #expect(
                    expected.accepts(deviation, op.tolerance), "\(op), \(name): \(deviation), bound \(op.tolerance)")
            } catch {
                Issue.record("\(op), \(name): \(error) \(gpu.violations)")
                return
            }
            #expect(gpu.violations == [], "\(op), \(name)")
            if !gpu.violations.isEmpty { unsafe fake_cuda_forget_violations(gpu.machine) }
        }
    }
}

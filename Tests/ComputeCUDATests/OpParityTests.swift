import Compute
import ComputeCUDA
import FakeGPU
import KernelEmulation
import TestSupport
import TestTools
import Testing

@Suite(.bounded(minutes: 20))
struct CUDAOpParityTests {
    @Test(arguments: OpCase.groups.map(\.name))
    func `operations agree with their float64 references on every kind of GPU`(group: String) throws {
        let cases = try #require(OpCase.groups.first { $0.name == group }?.cases)
        let gpus = [(Int32(8), Int32(0)), (8, 9), (9, 0)].enumerated().map { number, kind in
            (name: "sm_\(kind.0)\(kind.1)", gpu: FakeGPU(kind.0, kind.1, schedule: number, seed: UInt64(number + 1)))
        }
        var backends = try gpus.map { try (name: $0.name, gpu: $0.gpu, backend: $0.gpu.backend()) }
        for op in cases {
            var reference: OpReference?
            for (name, gpu, backend) in backends {
                do {
                    let result = try op.run(on: backend)
                    let expected = reference ?? result.reference()
                    reference = expected
                    let deviation = expected.deviation(of: result.found)
                    #expect(
                        expected.accepts(deviation, op.tolerance),
                        "\(op), \(name): \(deviation), bound \(op.tolerance)")
                } catch {
                    Issue.record("\(op), \(name): \(error) \(gpu.violations)")
                    backends.removeAll { $0.name == name }
                    continue
                }
                #expect(gpu.violations == [], "\(op), \(name)")
                if !gpu.violations.isEmpty { unsafe fake_cuda_forget_violations(gpu.machine) }
            }
        }
        backends = []
        for (name, gpu) in gpus { #expect(gpu.finish() == [], "\(name)") }
    }
}

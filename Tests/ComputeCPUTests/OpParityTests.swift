import CKernels
import Compute
import ComputeCPU
import TestSupport
import Testing

@Suite(.serialized)
struct OpParityTests {
    @Test(arguments: [CK_ISA_AVX512_BF16, CK_ISA_AVX512, CK_ISA_AVX2, CK_ISA_BASELINE])
    func `every operation agrees with its float64 reference on every instruction set`(level: ck_isa) throws {
        let used = ck_set_isa(level)
        defer { ck_set_isa(CK_ISA_AVX512_BF16) }
        guard used == level else { return }
        try expectParity(on: CPUBackend(threads: 2))
    }

    @Test func `every operation agrees with its reference where oneDNN has no bf16`() throws {
        try expectParity(on: CPUBackend(threads: 2, hasNativeBF16: false))
    }

    @Test func `every operation agrees with its reference on one thread`() throws {
        try expectParity(on: CPUBackend(threads: 1))
    }

    private func expectParity(on backend: CPUBackend) throws {
        for op in OpCase.all {
            let result = try op.run(on: backend)
            #expect(result.isWithin(op.tolerance), "\(op): \(result.deviation), bound \(op.tolerance)")
        }
        #expect(backend.pool.currentBytes == 0)
    }
}

import CKernels
import Compute
import ComputeCPU
import TestSupport
import TestTools
import Testing

@Suite(.bounded(minutes: 20))
struct OpParityTests {
    /// One way to run the backend.
    private struct Configuration {
        let name: String
        let backend: CPUBackend
    }

    /// What only the processor has stands in groups of its own.
    private static let groups =
        OpCase.groups + [
            ("deep products", OpCase.deepProducts), ("grouped biases", OpCase.groupedBiases),
            ("blocked attention", OpCase.blockedAttention), ("listed remainders", OpCase.listedRemainders),
            ("deep quantised", OpCase.deepQuantised),
        ]

    @Test(arguments: groups.map(\.name))
    func `operations agree with their float64 references on every instruction set`(group: String) throws {
        let cases = try #require(Self.groups.first { $0.name == group }?.cases)
        let configurations = try configurations()
        for op in cases {
            var reference: OpReference?
            for configuration in configurations {
                let result = try op.run(on: configuration.backend)
                let expected = reference ?? result.reference()
                reference = expected
                let deviation = expected.deviation(of: result.found)
                #expect(
                    expected.accepts(deviation, op.tolerance),
                    "\(op), \(configuration.name): \(deviation), bound \(op.tolerance)")
            }
        }
        for configuration in configurations { #expect(configuration.backend.pool.currentBytes == 0) }
    }

    @Test func `operations of random sizes agree with their float64 references`() throws {
        let backend = try CPUBackend(threads: 2)
        for op in OpCase.random(2, seed: 4).flatMap(\.cases) {
            let result = try op.run(on: backend)
            let expected = result.reference()
            let deviation = expected.deviation(of: result.found)
            #expect(expected.accepts(deviation, op.tolerance), "\(op): \(deviation), bound \(op.tolerance)")
        }
    }

    private func configurations() throws -> [Configuration] {
        let levels = [CK_ISA_BASELINE, CK_ISA_AVX2, CK_ISA_AVX512, CK_ISA_AVX512_BF16]
        let present = levels.filter { $0.rawValue <= ck_isa_best().rawValue }
        var all = try present.map { level in
            let backend = try CPUBackend(threads: 2, hasNativeBF16: CPUBackend.hasNativeBF16, level: level)
            backend.ownProductLimit = .max
            return Configuration(name: unsafe String(cString: ck_isa_name(level)), backend: backend)
        }
        all.append(
            Configuration(
                name: "products shared with oneDNN",
                backend: try CPUBackend(
                    threads: 2, hasNativeBF16: CPUBackend.hasNativeBF16, level: CK_ISA_BASELINE)))
        let delegating = try CPUBackend(threads: 2)
        delegating.ownProductLimit = 0
        all.append(Configuration(name: "all products by oneDNN", backend: delegating))
        let alone = try CPUBackend(threads: 2)
        alone.ownProductLimit = 0
        alone.acceptsImplementation = { _ in false }
        all.append(Configuration(name: "no kernel in oneDNN", backend: alone))
        all.append(
            Configuration(
                name: "without bf16 in oneDNN", backend: try CPUBackend(threads: 2, hasNativeBF16: false)))
        all.append(Configuration(name: "one thread", backend: try CPUBackend(threads: 1)))
        return all
    }
}

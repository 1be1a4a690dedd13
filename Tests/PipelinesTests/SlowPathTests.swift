import CKernels
import ComputeCPU
import Foundation
import TestSupport
import TestTools
import Testing

/// What every model that we know asks of this processor is computed by kernels, never by oneDNN's loops.
@Suite(.bounded) struct SlowPathTests {
    /// Those that this processor has.
    static let instructionSets: [InstructionSet] = {
        let needed: [InstructionSet: [Substring]] = [
            .sse41: ["sse4_1"], .avx: ["avx"], .avx2: ["avx2", "fma", "f16c"],
            .avx512: ["avx512f", "avx512bw", "avx512dq", "avx512vl"], .avx512BF16: ["avx512_bf16"],
            .amx: ["amx_tile", "amx_bf16"],
        ]
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let flags = text.split(separator: "\n").first { $0.hasPrefix("flags") }?.split(separator: " ") ?? []
        return InstructionSet.allCases.filter { Set(needed[$0] ?? []).isSubset(of: flags) }
    }()

    /// The one that was built beside the tests, unless another version of oneDNN is to be asked.
    private static let program =
        otherProgram
        ?? URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("decision-walk").path
    private static let otherProgram = ProcessInfo.processInfo.environment["WAN_DECISION_WALK"]

    /// Who would compute what, by what was asked for, with the process limited to `limit`.
    private func decisions(_ limit: InstructionSet, _ more: [String] = []) throws -> [Substring: Substring] {
        let asksAll = ProcessInfo.processInfo.environment["WAN_DECISIONS"] == "all"
        let run = try Subprocess(
            Self.program,
            [Fixture.path("real-shapes.json"), Fixture.path("wan21-t2v/model/tokenizer")] + more
                + (asksAll ? [] : ["--brief"]),
            environment: [InstructionSet.variable: limit.rawValue])
        try #require(run.status == 0, "\(run.errors)")
        let lines = run.output.split(separator: "\n").map { $0.split(separator: "\t") }
        return Dictionary(uniqueKeysWithValues: lines.map { ($0[0], $0[1]) })
    }

    private func slow(_ decisions: [Substring: Substring]) -> [String] {
        decisions.filter { $0.value.contains("ref") || $0.value.contains("simple") }.map { "\($0.key): \($0.value)" }
            .sorted()
    }

    @Test func `every processor of this kind has some`() { #expect(Self.instructionSets.contains(.sse41)) }

    /// All that oneDNN has a kernel for is asked of it, as on processors where it is the faster one.
    @Test(.bounded(minutes: 20), arguments: instructionSets)
    func `no product, convolution or reorder of any model runs in a loop`(_ limit: InstructionSet) throws {
        let decisions = try decisions(limit, ["--onednn-first"])
        #expect(decisions.count > 50)
        for kind in ["product", "convolution", "reorder"] {
            #expect(decisions.contains { $0.key.hasPrefix(kind) }, "nobody asked for a \(kind)")
        }
        let slow = slow(decisions)
        #expect(slow.isEmpty, "\(limit): \(slow.joined(separator: "\n"))")
    }

    @Test func `nor does any with the choice that is made here`() throws {
        let decisions = try decisions(Self.instructionSets.last ?? .sse41)
        #expect(decisions.count > 50)
        let slow = slow(decisions)
        #expect(slow.isEmpty, "\(slow.joined(separator: "\n"))")
    }

    /// Below AVX-512 oneDNN 2 has only a loop for products whose result is multiplied by a gate.
    @Test(.enabled(if: otherProgram == nil && (try? CPUBackend.oneDNNVersion())?.hasPrefix("2.") == true))
    func `loops are seen where they are accepted`() throws {
        let slow = try slow(decisions(.sse41, ["--onednn-first", "--accept-loops", "built-in"]))
        #expect(slow.contains { $0.hasPrefix("product") && $0.contains("gatedAdd") }, "\(slow)")
    }
}

package import CKernels
import Glibc

/// What a processor has of instructions, as far as oneDNN or CKernels tell one from another.
package enum InstructionSet: String, CaseIterable, Sendable {
    case sse41
    case avx
    case avx2
    case avx512
    case avx512BF16 = "avx512-bf16"
    case amx

    /// Where a user sets `limit`.
    package static let variable = "WAN_INFER_MAX_ISA"

    /// The word in the environment, if it is none of ours.
    package static var unknownLimit: String? {
        guard let word = word, InstructionSet(rawValue: word) == nil else { return nil }
        return word
    }

    /// The most that this process uses, oneDNN's code and ours alike; nil for all that the processor has.
    static var limit: InstructionSet? { word.flatMap(InstructionSet.init(rawValue:)) }

    private static var word: String? {
        guard let word = unsafe getenv(variable) else { return nil }
        return unsafe String(cString: word)
    }

    /// What the variable ONEDNN_MAX_CPU_ISA calls it.
    package var nameInOneDNN: String {
        switch self {
        case .sse41: "SSE41"
        case .avx: "AVX"
        case .avx2: "AVX2"
        case .avx512: "AVX512_CORE"
        case .avx512BF16: "AVX512_CORE_BF16"
        case .amx: "AVX512_CORE_AMX"
        }
    }

    /// The highest level of CKernels within it.
    package var level: ck_isa {
        switch self {
        case .sse41, .avx: CK_ISA_BASELINE
        case .avx2: CK_ISA_AVX2
        case .avx512: CK_ISA_AVX512
        case .avx512BF16, .amx: CK_ISA_AVX512_BF16
        }
    }

    /// The highest level of CKernels that this processor has and the user allows.
    package static var highestLevel: ck_isa {
        let best = ck_isa_best()
        guard let limit, limit.level.rawValue < best.rawValue else { return best }
        return limit.level
    }
}

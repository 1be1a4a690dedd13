import StrictJSON

/// What is wrong with how a quantised matrix is stored.
package enum ScaleProblem: Error, Equatable, Sendable {
    case missing
    case shape([Int], expected: [[Int]])
    case notFinite
    /// A scale of a matrix that is stored in another type than one of 8 bits.
    case ofOther(String)
    /// Another tensor says the same.
    case twice(String)
    /// The scales are of a type that is none of floating numbers.
    case noNumbers
    /// A format of ComfyUI's that is not read.
    case format(String)
    case rotated
    /// More is said of how a matrix is stored than anybody has to say.
    case settings(bytes: Int, limit: Int)

    func message(key: String) -> String {
        let name = "tensor '\(key.printable)'"
        return switch self {
        case .missing: "\(name) holds 8-bit whole numbers, but no scale of them is there"
        case .shape(let found, let expected):
            "\(name) should have shape \(expected.map { "\($0)" }.joined(separator: " or ")) as a scale, has \(found)"
        case .notFinite: "\(name) holds a scale that is no finite number"
        case .noNumbers: "\(name) should be scales in F32, F16 or BF16"
        case .twice(let other): "\(name) stands beside '\(other.printable)', which says the same thing"
        case .ofOther(let dtype):
            "\(name) is the scale of a matrix in \(dtype.printable); F8_E4M3, F8_E5M2 and I8 have scales"
        case .format(let format):
            "\(name) is stored as \(format.printable); float8_e4m3fn, float8_e5m2 and int8_tensorwise are read"
        case .rotated: "\(name) is stored rotated (convrot), which is not read: as it stands it would give noise"
        case .settings(let bytes, let limit): "\(name) has \(bytes) bytes, at most \(limit) are accepted"
        }
    }

    var hint: String {
        switch self {
        case .format, .rotated, .ofOther:
            "use a file of another format of the same model: bf16, fp8, plain int8 or GGUF"
        default: "the file is damaged or incomplete: fetch it again"
        }
    }
}

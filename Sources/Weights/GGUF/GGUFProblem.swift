import StrictJSON

/// What is wrong with a GGUF file.
package enum GGUFProblem: Error, Equatable, Sendable {
    case magic(found: [UInt8])
    case version(UInt32)
    /// The file ends inside of something.
    case ends(String, offset: Int)
    case tooMany(String, UInt64, limit: Int)
    /// More of something than the rest of the file can hold.
    case tooLong(String, UInt64, left: Int)
    case notText(String, offset: Int)
    case valueType(key: String, type: UInt32)
    case duplicateKey(String)
    case alignment(found: String)
    case duplicateTensor(String)
    case rank(tensor: String, UInt32, limit: Int)
    case extents(tensor: String, [UInt64])
    /// GGML's name for it is nil where it has no type of the number.
    case tensorType(tensor: String, number: UInt32, name: String?)
    case rows(tensor: String, type: String, extent: Int, block: Int)
    case unaligned(tensor: String, offset: UInt64, alignment: Int)
    case beyond(tensor: String, offset: UInt64, bytes: Int, left: Int)
    case overlap(tensor: String, other: String)
    /// Of another network than its tensors' names say.
    case architecture(String, known: [String])

    var message: String {
        switch self {
        case .magic(let found): "begins with bytes \(found.map { String($0) }.joined(separator: " ")), not with GGUF"
        case .version(let version) where version.byteSwapped == 2 || version.byteSwapped == 3:
            "GGUF version \(version.byteSwapped) of a big-endian machine; versions 2 and 3 are read, little-endian"
        case .version(let version): "GGUF version \(version); versions 2 and 3 are read"
        case .ends(let what, let offset): "truncated: the file ends at byte \(offset) in \(what.printable)"
        case .tooMany(let what, let count, let limit): "\(what.printable): \(count), at most \(limit) are accepted"
        case .tooLong(let what, let count, let left):
            "\(what.printable): \(count), more than the \(left) bytes behind them can hold"
        case .notText(let what, let offset): "\(what.printable) is not UTF-8, at byte \(offset)"
        case .valueType(let key, let type): "metadata key '\(key.printable)' has the unknown type \(type)"
        case .duplicateKey(let key): "metadata key '\(key.printable)' appears twice"
        case .alignment(let found): "general.alignment must be a power of two from 1 to 65536, is \(found.printable)"
        case .duplicateTensor(let tensor): "tensor '\(tensor.printable)' appears twice"
        case .rank(let tensor, let rank, let limit):
            "tensor '\(tensor.printable)' has \(rank) dimensions, 1 to \(limit) are accepted"
        case .extents(let tensor, let extents):
            "the dimensions \(extents) of tensor '\(tensor.printable)' must be above 0 and small enough to count"
        case .tensorType(let tensor, let number, let name?):
            "tensor '\(tensor.printable)' is stored as \(name) (type \(number)), which is not read"
        case .tensorType(let tensor, let number, nil):
            "tensor '\(tensor.printable)' has the unknown type \(number)"
        case .rows(let tensor, let type, let extent, let block):
            "tensor '\(tensor.printable)' of type \(type) has rows of \(extent), which is no multiple of \(block)"
        case .unaligned(let tensor, let offset, let alignment):
            "tensor '\(tensor.printable)' begins at \(offset), which is no multiple of the alignment \(alignment)"
        case .beyond(let tensor, let offset, let bytes, let left):
            "truncated: tensor '\(tensor.printable)' takes \(bytes) bytes from \(offset) on, the data end at \(left)"
        case .overlap(let tensor, let other): "tensors '\(tensor.printable)' and '\(other.printable)' overlap"
        case .architecture(let found, let known):
            "general.architecture is \(found.printable), its tensors are called as those of \(known.joined(separator: ", "))"
        }
    }

    var hint: String {
        switch self {
        case .tensorType(_, _, .some):
            "use a file of F32, F16, BF16, Q8_0, Q6_K, Q5_K, Q4_K, Q3_K, Q2_K, Q5_0, Q5_1, Q4_0, Q4_1, IQ4_NL or IQ4_XS"
        case .architecture: "use the model's own file; what another network's would give is noise"
        case .version: "convert the model again with a current converter"
        case .ends, .beyond: "the download is incomplete: fetch the file again"
        default: "the file is damaged or of another format: fetch it again"
        }
    }
}

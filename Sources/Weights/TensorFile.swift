package import Compute
import TorchFiles

/// A file of named tensors whose table of contents has been read and checked.
package protocol TensorFile: Sendable {
    /// How errors name it.
    var file: String { get }
    /// How people call its format.
    var format: String { get }
    var entries: [String: TensorEntry] { get }
    /// The tensor under `key`.
    func tensor(_ key: String) throws(WeightError) -> StoredTensor
    /// The bytes of the tensor under `key` where they lie one behind the other, whatever they are numbers of.
    func bytes(of key: String) -> HostBytes?
    /// Tensors that say how others are stored, and are none of a model by themselves.
    var companions: [String: Companion] { get }
}

extension TensorFile {
    package var companions: [String: Companion] { [:] }
}

/// A tensor that says how another is stored.
package struct Companion: Sendable, Equatable {
    package let entry: TensorEntry
    package let use: Use

    package enum Use: Sendable, Equatable {
        /// Read with the tensor of this name.
        case with(String)
        /// Read by nobody, and why.
        case none(String)
    }
}

/// What a file says of one of its tensors.
package struct TensorEntry: Sendable, Equatable {
    /// The element type in the format's own word.
    package let dtypeName: String
    package let shape: [Int]
    /// Bytes of the whole file.
    package let range: Range<Int>

    package init(dtypeName: String, shape: [Int], range: Range<Int>) {
        self.dtypeName = dtypeName
        self.shape = shape
        self.range = range
    }

    /// The element type, nil where the engine has no such type.
    package var dtype: DType? {
        switch dtypeName {
        case "F32": .f32
        case "F16": .f16
        case "BF16": .bf16
        default: nil
        }
    }

    /// How the elements lie in memory, nil where no network reads such.
    package var format: StoredFormat? {
        dtype.map { .dense($0) } ?? Quantisation(rawValue: dtypeName).map { .quantised($0) }
    }
}

/// The formats of files of tensors, told apart by their first bytes.
package enum TensorFiles {
    /// What files with tensors are called.
    package static let endings = [".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".gguf"]

    /// Reads the table of contents of a file.
    ///
    /// - Parameter file: how errors name it.
    package static func open(_ bytes: HostBytes, file: String) throws(WeightError) -> any TensorFile {
        let head = bytes[0..<min(9, bytes.count)].copied
        // As the length of a header of safetensors, GGUF's first word is beyond the limit.
        if head.starts(with: GGUF.magic) { return try GGUF(bytes, file: file) }
        // Behind its length a header of safetensors begins.
        guard head.last != UInt8(ascii: "{") || head.count < 9 else { return try Safetensors(bytes, file: file) }
        let isTorch = head.starts(with: [0x50, 0x4B, 3, 4]) || head.starts(with: [0x80, 2])
        let isNamedTorch = [".pth", ".pt", ".bin", ".ckpt"].contains { file.hasSuffix($0) }
        if isTorch || isNamedTorch { return try TorchTensors(bytes, file: file) }
        return file.hasSuffix(".gguf") ? try GGUF(bytes, file: file) : try Safetensors(bytes, file: file)
    }

    /// What a file was written by that is told by its first bytes and is no safetensors; nil for any other.
    static func otherFormat(_ bytes: HostBytes) -> String? {
        let head = bytes[0..<min(4, bytes.count)].copied
        if head.starts(with: GGUF.magic) { return "GGUF" }
        return head == [0x50, 0x4B, 3, 4] || head.starts(with: [0x80, 2]) ? "torch.save" : nil
    }

    /// The file at `path`.
    package static func open(path: String) throws(WeightError) -> any TensorFile {
        try open(ModelFolder.checked(MappedFile.open(path), file: path), file: path)
    }
}

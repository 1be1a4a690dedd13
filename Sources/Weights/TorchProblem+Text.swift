import StrictJSON
import TorchFiles

extension TorchProblem {
    var message: String {
        switch self {
        case .notAnArchive: "no zip archive as torch.save writes them, or truncated"
        case .legacy: "of the format before PyTorch 1.6, without a zip archive, which is not read"
        case .damaged(let what): what.printable
        case .compressed(let record): "record '\(record.printable)' of the archive is compressed, which is not read"
        case .missingRecord(let record): "record \(record.printable) of the archive is missing"
        case .twice(let record): "'\(record.printable)' is there twice"
        case .tooLarge(let what, let count, let limit): "\(count) \(what), at most \(limit) are accepted"
        case .bigEndian: "numbers of another byte order than little-endian"
        case .cut(let offset): "the pickle ends in the middle, at byte \(offset)"
        case .opcode(let opcode, let offset):
            "the pickle has opcode 0x\(String(opcode, radix: 16)) at byte \(offset), which plain weights do not need"
        case .global(let name, let offset):
            "the pickle names '\(name.printable)' at byte \(offset), a class or function that plain weights do not need"
        case .unexpected(let what, let offset): "the pickle has \(what.printable) at byte \(offset)"
        case .noNames(let found): "holds \(found), not a dictionary of named tensors"
        case .tensor(let key, let problem): "tensor '\(key.printable)' \(problem.message)"
        }
    }

    /// The remedy.
    var hint: String {
        switch self {
        case .global, .opcode, .unexpected, .noNames:
            "nothing in it was run; use the model's own file, or one of safetensors"
        case .legacy, .compressed, .bigEndian: "write it anew with torch.save, or use a file of safetensors"
        default: "the download is incomplete or damaged: fetch the file again"
        }
    }
}

extension TensorProblem {
    var message: String {
        switch self {
        case .storageMissing(let record): "should be in record \(record.printable), which is not there"
        case .storageSize(let record, let expected, let found):
            "needs \(expected) bytes in record \(record.printable), there are \(found)"
        case .outside(let record, let elements):
            "reaches beyond the \(elements) elements of record \(record.printable)"
        case .shape(let shape): "has a shape, strides or offset that cannot be: \(shape)"
        case .dtype(let name): "has the unknown dtype '\(name.printable)'"
        }
    }
}

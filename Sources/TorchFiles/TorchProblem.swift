/// Why a file of torch is not read.
package enum TorchProblem: Error, Equatable, Sendable {
    /// No zip at all, or the end of one is missing.
    case notAnArchive
    /// What PyTorch wrote before version 1.6.
    case legacy
    /// A part of the archive that contradicts another, or lies outside the file.
    case damaged(String)
    /// A record that is not stored as it is.
    case compressed(record: String)
    case missingRecord(String)
    case twice(record: String)
    case tooLarge(String, count: Int, limit: Int)
    case bigEndian

    /// A pickle that ends too early.
    case cut(offset: Int)
    case opcode(UInt8, offset: Int)
    /// A class or function that plain weights do not use.
    case global(String, offset: Int)
    /// A value that is of another kind than the one that is needed there.
    case unexpected(String, offset: Int)
    case noNames(found: String)
    case tensor(String, TensorProblem)
}

/// What is wrong with one tensor.
package enum TensorProblem: Error, Equatable, Sendable {
    case storageMissing(record: String)
    case storageSize(record: String, expected: Int, found: Int)
    /// Elements that lie outside the storage.
    case outside(record: String, elements: Int)
    case shape([Int])
    case dtype(String)
}

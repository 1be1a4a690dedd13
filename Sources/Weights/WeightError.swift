package import Compute
package import StrictJSON
package import TorchFiles

/// What is wrong with a model's files.
package enum WeightError: Error, Equatable, Sendable {
    /// There is no model at all.
    case folderMissing(path: String)
    case folderUnreadable(path: String, errno: Int32)
    /// A folder without `model_index.json`.
    case notAModel(path: String)
    /// A part of a model that is there.
    case fileMissing(file: String)
    /// What a clone without its large files holds in a file's place.
    case pointer(file: String, bytes: Int)
    /// A page about the file, where a link led to that.
    case webPage(file: String)
    case shardMissing(file: String, index: String)
    case unreadable(file: String, errno: Int32)
    /// A folder, pipe or device where a file is needed.
    case notAFile(file: String)
    case notAFolder(path: String)
    case emptyFile(file: String)
    case fileTooLarge(file: String, bytes: Int, limit: Int)
    /// The header promises `expected` bytes.
    case truncated(file: String, expected: Int, found: Int)
    /// Bytes behind the last tensor.
    case trailing(file: String, expected: Int, found: Int)
    case headerTooLarge(file: String, bytes: UInt64, limit: Int)
    case badHeader(file: String, problem: HeaderProblem)
    case badGGUF(file: String, problem: GGUFProblem)
    case badScale(key: String, file: String, problem: ScaleProblem)
    /// Text that is not JSON, at byte `offset`.
    case badJSON(file: String, offset: Int, problem: JSONProblem)
    case badIndex(file: String, key: String, problem: IndexProblem)
    case badTorchFile(file: String, problem: TorchProblem)
    /// A folder without weights of a name that is read; `others` are what lies there.
    case noWeights(folder: String, looked: [String], others: [String])
    case missing(key: String, file: String)
    case shape(key: String, file: String, expected: [Int], found: [Int])
    case dtype(key: String, file: String, found: String)
    /// Some of `count` keys that no part of the model asked for.
    case unused(keys: [String], count: Int, file: String)
    /// A tensor that only another model has.
    case otherModel(key: String, file: String, meaning: String)
    /// The file is of a model that runs here, in names that are not read.
    case otherLayout(key: String, file: String, meaning: String)
    /// A field of a configuration; `value` is as it stands in the file, nil where it is missing.
    case config(file: String, field: String, value: String?, rule: String)
    /// A field that does not go with what another file says: both are of a model, not of one.
    case disagreement(file: String, field: String, value: String, rule: String, other: String)
    /// A number that the shapes of a file's tensors come to, where no configuration says it.
    case derived(file: String, field: String, value: String, rule: String)
    /// A field that nothing here reads and that nobody has proven to be without effect.
    case unknownField(file: String, field: String, value: String)
    /// A folder for another pipeline than those that run here.
    case otherPipeline(folder: String, className: String, known: [String])
    /// The device could not add to a tensor what adapters add.
    case notMerged(ComputeError)
    /// Nobody wants the weights any more.
    case interrupted
}

/// What is wrong with a safetensors header.
package enum HeaderProblem: Error, Equatable, Sendable {
    case duplicateKey(String)
    case missingField(key: String, field: String)
    case unknownDType(key: String, name: String)
    case tooManyDimensions(key: String, rank: Int, limit: Int)
    case shapeOverflows(key: String, shape: [Int])
    /// `shape` of `dtype` needs other than `end - begin` bytes.
    case sizeMismatch(key: String, dtype: String, shape: [Int], begin: Int, end: Int)
    case reversedRange(key: String, begin: Int, end: Int)
    case overlap(key: String, other: String)
    /// Bytes between two tensors that belong to neither.
    case gap(key: String, expected: Int, found: Int)
}

/// What is wrong with a shard index.
package enum IndexProblem: Error, Equatable, Sendable {
    case noWeightMap
    /// A shard's name that leaves its folder, or is no safetensors file.
    case unsafeName(String)
    case absentFrom(shard: String)
    case notListed(shard: String)
    case listedElsewhere(shard: String, listed: String)
}

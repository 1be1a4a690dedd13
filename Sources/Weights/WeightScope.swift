package import Compute

/// A place in a checkpoint's tree of names: `w["blocks"][3]["attn1"]["to_q"]`.
///
/// Reading a tensor checks its shape and element type there and then, and marks its key as used.
package struct WeightScope {
    private let checkpoint: Checkpoint
    /// Empty, or the path with a dot at its end.
    private let prefix: String

    init(checkpoint: Checkpoint, prefix: String) {
        self.checkpoint = checkpoint
        self.prefix = prefix
    }

    /// The scope below `name`, which may itself hold dots.
    package subscript(_ name: String) -> WeightScope {
        WeightScope(checkpoint: checkpoint, prefix: "\(prefix)\(name).")
    }

    /// The scope of one element of a list.
    package subscript(_ index: Int) -> WeightScope { self[String(index)] }

    /// The full key of `name` here.
    package func key(_ name: String) -> String { prefix + name }

    package func contains(_ name: String) -> Bool { checkpoint.shape(of: key(name)) != nil }

    /// The tensor `name`, which must have `shape`.
    package func tensor(_ name: String, _ shape: [Int]) throws(WeightError) -> StoredTensor {
        let key = key(name)
        if let found = checkpoint.shape(of: key), found != shape {
            throw .shape(key: key, file: checkpoint.file, expected: shape, found: found)
        }
        return try checkpoint.take(key)
    }

    /// The tensor `name`, which must have `shape` where it exists.
    package func optionalTensor(_ name: String, _ shape: [Int]) throws(WeightError) -> StoredTensor? {
        contains(name) ? try tensor(name, shape) : nil
    }

    /// Throws if the checkpoint has keys that nobody took and no pattern covers.
    package func assertAllUsed(ignoring ignored: [IgnoredKey] = []) throws(WeightError) {
        try checkpoint.assertAllUsed(ignoring: ignored)
    }
}

package import Compute

/// A place in a checkpoint's tree of names: `w["blocks"][3]["attn1"]["to_q"]`.
///
/// Reading a tensor checks its shape and element type there and then, and marks its key as used.
package struct WeightScope {
    private let checkpoint: Checkpoint
    /// Empty, or the path with a dot at its end.
    private let prefix: String
    /// What adapters add, and what computes the sums.
    private let adapters: (deltas: WeightDeltas, backend: any Backend)?

    init(checkpoint: Checkpoint, prefix: String, adapters: (deltas: WeightDeltas, backend: any Backend)? = nil) {
        self.checkpoint = checkpoint
        self.prefix = prefix
        self.adapters = adapters
    }

    /// The same place with what adapters add to its tensors, in f32.
    package func adding(_ deltas: WeightDeltas, on backend: any Backend) -> WeightScope {
        guard !deltas.isEmpty else { return self }
        return WeightScope(checkpoint: checkpoint, prefix: prefix, adapters: (deltas, backend))
    }

    /// The scope below `name`, which may itself hold dots.
    package subscript(_ name: String) -> WeightScope {
        WeightScope(checkpoint: checkpoint, prefix: "\(prefix)\(name).", adapters: adapters)
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
        let stored = try checkpoint.take(key)
        guard let adapters else { return stored }
        do throws(ComputeError) {
            return try adapters.deltas.merged(stored, key, on: adapters.backend) ?? stored
        } catch {
            throw .notMerged(error)
        }
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

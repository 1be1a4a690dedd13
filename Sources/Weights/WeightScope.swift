package import Compute

/// A place in a checkpoint's tree of names: `w["blocks"][3]["attn1"]["to_q"]`.
///
/// Reading a tensor checks its shape and element type there and then, and marks its key as used.
package struct WeightScope {
    /// Nil where there is none, and zeros are given for whatever is asked for.
    private let checkpoint: Checkpoint?
    /// Empty, or the path with a dot at its end.
    private var prefix: String
    /// What adapters add, what computes the sums, and whether all that can be stays beside the numbers of its matrix.
    private var adapters: (deltas: WeightDeltas, backend: any Backend, isBeside: Bool)?
    private var held: HeldMatrices?
    private var asked: AskedTensors?

    init(checkpoint: Checkpoint?, prefix: String) {
        self.checkpoint = checkpoint
        self.prefix = prefix
    }

    /// The weights of a network that nobody has, to build it for what can be told of it without them.
    package static var imagined: WeightScope { WeightScope(checkpoint: nil, prefix: "") }

    /// Numbers that a network reads which `make` makes, told without its files; what it need not have does not count.
    package static func parameters(_ make: (_ w: WeightScope) throws -> Void) rethrows -> Int {
        let asked = AskedTensors()
        try make(imagined.telling(asked))
        return asked.shapes.values.reduce(0) { $0 + $1.reduce(1, *) }
    }

    /// The same place with what adapters add to its tensors, in f32.
    ///
    /// - Parameter held: the matrices, which keep their own numbers; nil where they may be summed.
    package func adding(
        _ deltas: WeightDeltas, on backend: any Backend, beside held: HeldMatrices? = nil
    ) -> WeightScope {
        var scope = self
        scope.adapters = deltas.isEmpty ? nil : (deltas, backend, held != nil)
        scope.held = held
        return scope
    }

    /// The same place for who does not keep its matrices.
    package var unheld: WeightScope {
        var scope = self
        scope.held = nil
        return scope
    }

    /// The same place, where `asked` hears of every tensor that is read.
    package func telling(_ asked: AskedTensors?) -> WeightScope {
        var scope = self
        scope.asked = asked
        return scope
    }

    /// The same place for who reads again what was read before: nobody is told of it.
    package var again: WeightScope {
        var scope = WeightScope(checkpoint: checkpoint?.unwatched, prefix: prefix)
        scope.adapters = adapters
        return scope
    }

    /// The scope below `name`, which may itself hold dots.
    package subscript(_ name: String) -> WeightScope {
        var scope = self
        scope.prefix = "\(prefix)\(name)."
        return scope
    }

    /// The scope of one element of a list.
    package subscript(_ index: Int) -> WeightScope { self[String(index)] }

    /// The full key of `name` here.
    package func key(_ name: String) -> String { prefix + name }

    package func contains(_ name: String) -> Bool { checkpoint?.shape(of: key(name)) != nil }

    /// The tensor `name`, which must have `shape`.
    package func tensor(_ name: String, _ shape: [Int]) throws(WeightError) -> StoredTensor {
        let key = key(name)
        let stored = try taken(key, shape)
        let given = try sum(stored, key)
        tell(key, shape, stored, as: given.format)
        return given
    }

    /// The matrix `name`, which must have `shape`, and what adapters add to it, where that is not in its numbers:
    /// a quantised matrix stays as it is stored, every other one where that was asked for.
    package func matrix(
        _ name: String, _ shape: [Int]
    ) throws(WeightError) -> (stored: StoredTensor, beside: LowRank?) {
        let key = key(name)
        let stored = try taken(key, shape)
        let stays = stored.format.quantisation != nil || adapters?.isBeside == true
        let beside = stays && stored.hasWholeRows ? adapters?.deltas.product(key) : nil
        let given = beside == nil ? try sum(stored, key) : stored
        tell(key, shape, stored, as: given.format, rank: beside?.rank ?? 0)
        return (given, beside)
    }

    /// The matrix `name`, stored in `shape`, as `backend` keeps it for activations of `dtype`: as `[rows, columns]`.
    ///
    /// One that keeps its own numbers is made once for all networks that hold their matrices together.
    package func linearWeight(
        _ name: String, _ shape: [Int], as matrix: Shape, for dtype: DType, on backend: any Backend
    ) throws -> (weight: LinearWeight, beside: LowRank?) {
        let key = key(name)
        let (given, beside) = try self.matrix(name, shape)
        let isSum = beside == nil && adapters?.deltas.change(key) == true
        guard let held, !isSum else { return (try backend.linearWeight(given.reshaped(matrix), for: dtype), beside) }
        return (try held.matrix(key, given.reshaped(matrix), for: dtype, on: backend), beside)
    }

    /// From the checkpoint; imagined where there is none.
    private func taken(_ key: String, _ shape: [Int]) throws(WeightError) -> StoredTensor {
        guard let checkpoint else { return try StoredTensor.zeros(Shape(shape)) }
        return try checkpoint.take(key, shape)
    }

    private func tell(_ key: String, _ shape: [Int], _ stored: StoredTensor, as format: StoredFormat, rank: Int = 0) {
        asked?.shapes[key] = shape
        asked?.bytes.append(stored.bytes)
        asked?.kinds.append(AskedTensors.Kind(format: format, rank: rank))
    }

    /// The tensor with what adapters add to it.
    private func sum(_ stored: StoredTensor, _ key: String) throws(WeightError) -> StoredTensor {
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
        try checkpoint?.assertAllUsed(ignoring: ignored)
    }
}

import Compute

/// What adapters add to the tensors of one network.
package struct WeightDeltas: Sendable {
    /// One adapter's part of one tensor.
    enum Delta: Sendable {
        /// `factor · up · down`
        case product(AdapterFile.Part.Factors, factor: Double)
        case sum(StoredTensor, factor: Double)
    }

    private var deltas: [String: [Delta]] = [:]

    package init() {}

    package var isEmpty: Bool { deltas.isEmpty }

    /// The names of the tensors that change.
    package var keys: Set<String> { Set(deltas.keys) }

    /// Whether the tensor `key` changes.
    func change(_ key: String) -> Bool { deltas[key] != nil }

    mutating func add(_ delta: Delta, to key: String) { deltas[key, default: []].append(delta) }

    /// What several adapters add together, each as strong as it says.
    package static func sum(_ all: [WeightDeltas]) -> WeightDeltas {
        var sum = WeightDeltas()
        for each in all { sum.deltas.merge(each.deltas) { $0 + $1 } }
        return sum
    }

    /// `stored` with what is added to it, in f32; nil where that is nothing.
    func merged(
        _ stored: StoredTensor, _ key: String, on backend: any Backend
    ) throws(ComputeError) -> StoredTensor? {
        guard let deltas = deltas[key] else { return nil }
        let shape: Shape = [stored.shape[0], stored.shape.dims.dropFirst().reduce(1, *)]
        let sum = try backend.allocate(shape, .f32)
        try backend.copy(try backend.vector(stored).reshaped(shape), into: sum)
        for delta in deltas {
            switch delta {
            case .product(let factors, let factor): try Self.add(factors, factor, to: sum, on: backend)
            case .sum(let tensor, let factor):
                let whole = try backend.upload(tensor.floats, shape)
                try backend.combine([(1, sum), (Float(factor), whole)], into: sum)
            }
        }
        return StoredTensor(try backend.download(sum), stored.shape)
    }

    /// What is added to the matrix `key` as a product of low rank; nil where that is nothing, or more.
    func product(_ key: String) -> LowRank? {
        guard let deltas = deltas[key] else { return nil }
        var products: [(factors: AdapterFile.Part.Factors, factor: Double)] = []
        for delta in deltas {
            guard case .product(let factors, let factor) = delta else { return nil }
            products.append((factors, factor))
        }
        return LowRank(products)
    }

    /// Adds `factor` · up `[out, rank]` · down `[rank, in]` to `sum`, `[out, in]`.
    private static func add(
        _ factors: AdapterFile.Part.Factors, _ factor: Double, to sum: Tensor, on backend: any Backend
    ) throws(ComputeError) {
        let (rank, width) = (factors.rank, sum.shape[1])
        let down = factors.down.floats
        var turned = [Float](repeating: 0, count: down.count)
        for row in 0..<rank {
            for column in 0..<width { turned[column * rank + row] = down[row * width + column] }
        }
        let weight = try backend.linearWeight(StoredTensor(turned, [width, rank]), for: .f32)
        let up = factors.up.floats.map { Float(Double($0) * factor) }
        try backend.linear(try backend.upload(up, [sum.shape[0], rank]), weight, bias: nil, .add, into: sum)
    }
}

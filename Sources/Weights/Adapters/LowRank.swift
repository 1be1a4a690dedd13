package import Compute

/// `up · down`, what adapters add to a matrix that keeps its own numbers.
package struct LowRank: Sendable {
    package let up: StoredTensor  // f32 [out, rank]
    package let down: StoredTensor  // f32 [rank, in]

    package var rank: Int { down.shape[0] }

    /// Products on a GPU take ranks of whole vectors: what is missing is zeros.
    private static let rankStep = 8

    /// The sum of `factor · up · down` of all.
    init(_ all: [(factors: AdapterFile.Part.Factors, factor: Double)]) {
        precondition(!all.isEmpty, "the sum of no products")
        let (rows, columns) = (all[0].factors.up.shape[0], all[0].factors.down.matrixColumns)
        let sum = all.reduce(0) { $0 + $1.factors.rank }
        let rank = (sum + Self.rankStep - 1) / Self.rankStep * Self.rankStep
        var up = [Float](repeating: 0, count: rows * rank)
        var down: [Float] = []
        down.reserveCapacity(rank * columns)
        for (factors, factor) in all {
            let (first, count) = (down.count / max(columns, 1), factors.rank)
            down += factors.down.floats
            for (place, value) in factors.up.floats.enumerated() {
                up[place / count * rank + first + place % count] = Float(Double(value) * factor)
            }
        }
        down += [Float](repeating: 0, count: rank * columns - down.count)
        self.up = StoredTensor(up, [rows, rank])
        self.down = StoredTensor(down, [rank, columns])
    }
}

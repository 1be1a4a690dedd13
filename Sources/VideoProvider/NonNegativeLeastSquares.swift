/// Least squares with coefficients that are not negative, for a handful of coefficients.
///
/// The minimum is the best of the unconstrained minima over all sets of coefficients that may differ from zero, so
/// those sets are simply all tried: sixteen for four.
struct NonNegativeLeastSquares {
    /// The normal equations: sums of `weight * x * x'` and of `weight * x * y`.
    private var matrix: [[Double]]
    private var right: [Double]

    init(count: Int) {
        matrix = Array(repeating: Array(repeating: 0, count: count), count: count)
        right = Array(repeating: 0, count: count)
    }

    mutating func add(_ row: [Double], _ value: Double, weight: Double) {
        for i in row.indices {
            right[i] += weight * row[i] * value
            for j in row.indices { matrix[i][j] += weight * row[i] * row[j] }
        }
    }

    /// Pulls one coefficient towards a value.
    mutating func pull(_ index: Int, to value: Double, weight: Double) {
        matrix[index][index] += weight
        right[index] += weight * value
    }

    /// The coefficients; nil where no set of them can be solved for.
    func solution() -> [Double]? {
        var best: (loss: Double, values: [Double])?
        for set in 1..<(1 << right.count) {
            let free = right.indices.filter { set >> $0 & 1 == 1 }
            guard let part = solution(of: free), part.allSatisfy({ $0 >= 0 && $0.isFinite }) else { continue }
            // At an unconstrained minimum the loss is a constant less this product.
            let loss = -zip(free, part).reduce(0) { $0 + right[$1.0] * $1.1 }
            if best.map({ loss < $0.loss }) ?? true {
                var values = Array(repeating: 0.0, count: right.count)
                for (index, value) in zip(free, part) { values[index] = value }
                best = (loss, values)
            }
        }
        return best?.values
    }

    /// Cholesky's decomposition of the rows and columns of `free`; nil where they are not independent.
    private func solution(of free: [Int]) -> [Double]? {
        var lower = Array(repeating: Array(repeating: 0.0, count: free.count), count: free.count)
        var values = Array(repeating: 0.0, count: free.count)
        for i in free.indices {
            for j in 0...i {
                let sum = (0..<j).reduce(matrix[free[i]][free[j]]) { $0 - lower[i][$1] * lower[j][$1] }
                guard i == j else {
                    lower[i][j] = sum / lower[j][j]
                    continue
                }
                guard sum > 1e-12 * matrix[free[i]][free[i]], sum > 0 else { return nil }
                lower[i][i] = sum.squareRoot()
            }
            values[i] = (0..<i).reduce(right[free[i]]) { $0 - lower[i][$1] * values[$1] } / lower[i][i]
        }
        for i in free.indices.reversed() {
            values[i] = (i + 1..<free.count).reduce(values[i]) { $0 - lower[$1][i] * values[$1] } / lower[i][i]
        }
        return values
    }
}

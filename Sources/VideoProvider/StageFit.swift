/// Seconds of one stage as a sum of features, each times a coefficient that is learned and never negative.
///
/// Errors are relative: a clip that takes ten times as long may be ten times as far off. Samples that fit nothing else,
/// as of a machine that was busy with other work, lose their weight.
struct StageFit: Sendable, Hashable, Codable {
    /// What one clip showed.
    struct Point {
        let features: [Double]
        let seconds: Double
        /// More for recent ones.
        let weight: Double
    }

    private let prior: [Double]
    private var coefficients: [Double]

    /// Stages that take less are not worth an error.
    private static let leastSeconds = 1e-3
    /// How strongly the prior's proportions hold, beside one sample.
    private static let priorWeight = 0.003
    private static let rounds = 8

    init(prior: [Double]) {
        self.prior = prior
        coefficients = prior
    }

    func seconds(_ features: [Double]) -> Double { Self.sum(coefficients, features) }

    private static func sum(_ coefficients: [Double], _ features: [Double]) -> Double {
        zip(coefficients, features).reduce(0) { $0 + $1.0 * $1.1 }
    }

    mutating func fit(_ points: [Point]) {
        guard !points.isEmpty else {
            coefficients = prior
            return
        }
        // First how fast the machine is beside the prior, then in which proportions.
        let ratios = points.map { point in
            let expected = max(Self.sum(prior, point.features), Self.leastSeconds)
            return (value: point.seconds / expected, weight: point.weight)
        }
        let scale = WeightedValues(ratios).quantile(0.5)
        let start = prior.map { $0 * scale }
        coefficients = start
        for round in 0..<Self.rounds {
            guard let next = step(points, from: start, isLate: round >= Self.rounds / 2) else { return }
            coefficients = next
        }
    }

    /// One round of weighted least squares.
    private func step(_ points: [Point], from start: [Double], isLate: Bool) -> [Double]? {
        let expected = points.map { max(seconds($0.features), Self.leastSeconds) }
        let errors = zip(points, expected).map { ($0.seconds - $1) / $1 }
        let trust = Self.trust(errors, points.map(\.weight), isLate: isLate)
        // Each feature in units in which a coefficient of 1 explains a usual clip alone.
        let units = start.indices.map { index in
            let total = points.reduce(0) { $0 + $1.weight * $1.features[index] }
            return total > 0 ? points.reduce(0) { $0 + $1.weight * $1.seconds } / total : 0
        }
        var equations = NonNegativeLeastSquares(count: start.count)
        for (index, point) in points.enumerated() {
            let row = zip(point.features, units).map { $0 * $1 / expected[index] }
            equations.add(row, point.seconds / expected[index], weight: trust[index] * point.weight)
        }
        for index in start.indices {
            equations.pull(index, to: units[index] > 0 ? start[index] / units[index] : 0, weight: Self.priorWeight)
        }
        return equations.solution().map { values in
            // A feature that no clip has yet keeps what the prior says of it.
            values.indices.map { units[$0] > 0 ? values[$0] * units[$0] : start[$0] }
        }
    }

    /// How much each sample counts, from how far off it is: Huber's weights, at the end Tukey's.
    private static func trust(_ errors: [Double], _ weights: [Double], isLate: Bool) -> [Double] {
        let spread = WeightedValues(zip(errors, weights).map { (abs($0), $1) }).quantile(0.5)
        let unit = max(1.4826 * spread, 0.03)
        return errors.map { error in
            let distance = abs(error) / unit
            if !isLate { return min(1, 1.345 / max(distance, 1e-9)) }
            let part = distance / 4.685
            return part < 1 ? (1 - part * part) * (1 - part * part) : 0
        }
    }
}

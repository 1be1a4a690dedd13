/// Numbers of which some count more.
struct WeightedValues {
    private let values: [(value: Double, weight: Double)]
    private let total: Double

    init(_ values: [(value: Double, weight: Double)]) {
        self.values = values.sorted { $0.value < $1.value }
        total = values.reduce(0) { $0 + $1.weight }
    }

    /// The value that this part of the weight lies at or below; 0 of nothing.
    func quantile(_ part: Double) -> Double {
        var sum = 0.0
        for (value, weight) in values {
            sum += weight
            if sum >= part * total { return value }
        }
        return values.last?.value ?? 0
    }
}

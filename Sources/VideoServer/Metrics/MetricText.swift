/// Figures in the text format of Prometheus, 0.0.4.
struct MetricText {
    enum Kind: String {
        case counter
        case gauge
        case histogram
        case summary
    }

    private(set) var text = ""

    /// Begins a family: its samples must follow.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)] = [], _ value: Double) {
        let pairs = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        text += pairs.isEmpty ? "\(name) \(Self.number(value))\n" : "\(name){\(pairs)} \(Self.number(value))\n"
    }

    mutating func histogram(_ name: String, _ help: String, _ histogram: Histogram) {
        family(name, .histogram, help)
        for (bound, count) in zip(histogram.bounds, histogram.counts) {
            sample(name + "_bucket", [("le", Self.number(bound))], Double(count))
        }
        sample(name + "_bucket", [("le", "+Inf")], Double(histogram.count))
        sample(name + "_sum", [], histogram.sum)
        sample(name + "_count", [], Double(histogram.count))
    }

    private static func number(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e15 { "\(Int(value))" } else { "\(value)" }
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}

/// Counts of values up to each bound.
struct Histogram: Sendable, Equatable {
    let bounds: [Double]
    /// Values at most as great as the bound of the same place.
    private(set) var counts: [Int]
    private(set) var count = 0
    private(set) var sum = 0.0

    init(_ bounds: [Double]) {
        self.bounds = bounds
        counts = bounds.map { _ in 0 }
    }

    mutating func add(_ value: Double) {
        guard value.isFinite else { return }
        count += 1
        sum += value
        for (index, bound) in bounds.enumerated() where value <= bound { counts[index] += 1 }
    }
}

/// Which pixels of a row or column make each pixel of another length, and with which weights.
struct ResamplingWeights {
    /// Of the fixed point: 8 bits for the pixel and 2 for what a filter overshoots are left of 32.
    static let precision = 32 - 8 - 2

    /// The first pixel that counts, and where its weight stands.
    struct Place {
        let first: Int
        let weights: Range<Int>
    }

    let places: [Place]
    let weights: [Int32]

    init(from length: Int, to target: Int, _ filter: ResamplingFilter) {
        let scale = Double(length) / Double(target)
        // A picture that shrinks is filtered as wide as its pixels become.
        let stretch = max(scale, 1)
        let support = filter.support * stretch
        var places: [Place] = []
        var fixed: [Int32] = []
        places.reserveCapacity(target)
        for index in 0..<target {
            let centre = (Double(index) + 0.5) * scale
            let first = max(0, Int(centre - support + 0.5))
            let end = min(length, Int(centre + support + 0.5))
            let weights = (first..<end).map { filter.weight((Double($0) - centre + 0.5) * (1 / stretch)) }
            let sum = weights.reduce(0, +)
            let start = fixed.count
            fixed += weights.map { Self.rounded(sum == 0 ? $0 : $0 / sum) }
            places.append(Place(first: first, weights: start..<fixed.count))
        }
        self.places = places
        self.weights = fixed
    }

    private static func rounded(_ weight: Double) -> Int32 {
        let scaled = weight * Double(1 << precision)
        return Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
    }
}

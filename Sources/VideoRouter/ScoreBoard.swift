/// How well the clips of each model were thought of, as a mean that forgets slowly.
package struct ScoreBoard: Sendable, Hashable {
    private var means: [BreakerBoard.Key: Double] = [:]

    /// Of a model that nobody has judged.
    package static let start = 60.0
    /// How far one score moves the mean.
    private static let pace = 0.05

    package init() {}

    /// 0 to 100.
    package subscript(_ key: BreakerBoard.Key) -> Double {
        means[key] ?? Self.start
    }

    package mutating func learn(_ key: BreakerBoard.Key, _ points: Double) {
        guard (0...100).contains(points) else { return }
        means[key] = self[key] + (points - self[key]) * Self.pace
    }

    mutating func forget(_ provider: String) {
        means = means.filter { $0.key.provider != provider }
    }

    var isEmpty: Bool { means.isEmpty }

    struct Entry: Codable {
        let key: BreakerBoard.Key
        let mean: Double
    }

    var entries: [Entry] {
        means.map { Entry(key: $0, mean: $1) }.sorted {
            ($0.key.provider, $0.key.model) < ($1.key.provider, $1.key.model)
        }
    }

    init(_ entries: [Entry]) {
        for entry in entries where (0...100).contains(entry.mean) { means[entry.key] = entry.mean }
    }
}

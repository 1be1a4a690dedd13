package import VideoTypes
package import Weights

/// LoRAs matched against a model: what each adds to each of its experts.
package struct AdapterSet: Sendable {
    /// In the order of the settings that name them.
    private let layers: [Layer]

    private struct Layer {
        let input: AdapterInput
        /// By expert.
        let deltas: [WeightDeltas]
        let unmatched: [String]
    }

    package static let none = AdapterSet(layers: [])

    private init(layers: [Layer]) { self.layers = layers }

    /// Refuses what the model has no place for.
    package init(
        _ adapters: [(input: AdapterInput, file: AdapterFile)], on model: any VideoModel
    ) throws(VideoError) {
        do {
            // Both experts have the same names; of different shapes one would be another model.
            let experts = 0..<(model.hasTwoExperts ? 2 : 1)
            let targets = adapters.isEmpty ? [] : try experts.map { try model.adapterTargets(expert: $0) }
            layers = try adapters.map { input, file in
                var unmatched: [String] = []
                let deltas = try experts.map { expert in
                    guard input.expert.includes(expert) else { return WeightDeltas() }
                    let found = try file.deltas(on: targets[expert], strength: input.strength)
                    unmatched = found.match.unmatched
                    return found.deltas
                }
                return Layer(input: input, deltas: deltas, unmatched: unmatched)
            }
        } catch {
            throw VideoError(reporting: error)
        }
    }

    package var inputs: [AdapterInput] { layers.map(\.input) }

    /// What each changed.
    package var reports: [AdapterReport] {
        layers.map { layer in
            AdapterReport(
                name: layer.input.name, changed: layer.deltas.reduce(0) { $0 + $1.keys.count },
                unmatched: layer.unmatched)
        }
    }

    /// What is added to one expert in one step.
    func network(expert: Int, step: Int) -> NetworkAdapters {
        let worn = layers.filter { layer in
            layer.input.serves(step: step) && layer.input.strength != 0 && !layer.deltas[expert].isEmpty
        }
        return NetworkAdapters(
            name: worn.map { "\($0.input.digest):\($0.input.strength)" }.joined(separator: " "),
            deltas: .sum(worn.map { $0.deltas[expert] }))
    }
}

/// What is added to the weights of one network.
struct NetworkAdapters {
    /// Equal for equal weights.
    let name: String
    let deltas: WeightDeltas

    static let none = NetworkAdapters(name: "", deltas: WeightDeltas())
}

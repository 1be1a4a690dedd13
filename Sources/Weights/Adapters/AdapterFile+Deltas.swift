import Compute
import StrictJSON

/// What of an adapter's file a network has a place for.
package struct AdapterMatch: Sendable, Equatable {
    /// Tensors of the network that change.
    package let changed: Int
    /// Modules of the file that the network does not have, as the file names them.
    package let unmatched: [String]
}

extension AdapterFile {
    /// What the file adds to a network's tensors; refused where that is nothing, or other than the file means.
    package func deltas(
        on targets: AdapterTargets, strength: Double
    ) throws(AdapterError) -> (deltas: WeightDeltas, match: AdapterMatch) {
        var deltas = WeightDeltas()
        var names: [String: String] = [:]
        var unmatched: [String] = []
        for (name, part) in parts.sorted(by: { $0.key < $1.key }) {
            guard let module = targets.module(name) ?? targets.module(name + ".modulation") else {
                unmatched.append(name)
                continue
            }
            if let other = names.updateValue(name, forKey: module) {
                throw .twice(file: file, module: name, other: other)
            }
            try add(part, name, module, targets, strength, to: &deltas)
        }
        for key in strange {
            // Beside what is applied, what is not understood would be missing.
            let words = key.split(separator: ".")
            let beginnings = (1..<max(words.count, 2)).map { words.prefix($0).joined(separator: ".") }
            guard !beginnings.contains(where: { targets.module($0) != nil }) else {
                throw .strange(file: file, key: key)
            }
            unmatched.append(key)
        }
        guard !names.isEmpty else {
            throw .nothingMatches(file: file, examples: Array(unmatched.prefix(3)), count: unmatched.count)
        }
        return (deltas, AdapterMatch(changed: deltas.keys.count, unmatched: unmatched.map(\.printable)))
    }

    private func add(
        _ part: Part, _ name: String, _ module: String, _ targets: AdapterTargets, _ strength: Double,
        to deltas: inout WeightDeltas
    ) throws(AdapterError) {
        // A parameter that belongs to no module has neither weight nor bias.
        let weight = targets.shape(module) == nil ? module + ".weight" : module
        var factor = 1.0
        if let factors = part.factors {
            let rank = factors.rank
            factor = if let alpha = part.alpha { alpha / Double(rank) } else { try config.factor(name, rank: rank) }
            let (down, up) = (factors.down.shape.dims, factors.up.shape.dims)
            try check([up[0]] + down.dropFirst(), name, weight, targets)
            deltas.add(.product(factors, factor: strength * factor), to: weight)
        }
        for (role, tensor) in part.tensors.sorted(by: { "\($0.key)" < "\($1.key)" }) {
            let key =
                switch role {
                case .bias, .upBias: module + ".bias"
                case .modulation: module
                default: weight
                }
            try check(tensor.shape.dims, name, key, targets)
            deltas.add(.sum(tensor, factor: role == .upBias ? strength * factor : strength), to: key)
        }
    }

    /// Extents of 1 come and go between layouts.
    private func check(
        _ found: [Int], _ name: String, _ key: String, _ targets: AdapterTargets
    ) throws(AdapterError) {
        guard let expected = targets.shape(key) else { throw .noTensor(file: file, module: name, key: key) }
        guard found.filter({ $0 != 1 }) == expected.filter({ $0 != 1 }) else {
            throw .shape(file: file, module: name, found: found, key: key, expected: expected)
        }
    }
}

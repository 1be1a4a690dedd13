import Compute
import Weights

/// How the weights of a model's components are stored, told without loading them.
struct StoredWeights {
    private let components: [String: Component]

    private struct Component {
        /// How many tensors there are of each size in bytes, by how they are stored.
        let sizes: [StoredFormat: [Int: Int]]
        /// Of the tensor that stands for all.
        let digest: UInt64
        /// Whether it is one of convolutions, whose kernels are laid anew wherever weights are not widened in use.
        var isPacked = false

        /// By how they are stored.
        var byteCounts: [StoredFormat: Int] {
            sizes.mapValues { $0.reduce(0) { $0 + $1.key * $1.value } }
        }

        /// How most of it is stored.
        var format: StoredFormat {
            byteCounts.max { ($0.value, $0.key.name) < ($1.value, $1.key.name) }?.key ?? .dense(.f32)
        }
    }

    /// Of a folder.
    ///
    /// - Parameter keys: a tensor of each component whose numbers stand for all.
    init(_ folder: ModelFolder, _ keys: [String: String]) throws(WeightError) {
        var components: [String: Component] = [:]
        for (name, key) in keys {
            let checkpoint = try Checkpoint(folder, name)
            let shape = checkpoint.shape(of: key) ?? []
            let tensor = try checkpoint.root.tensor(key, shape)
            var digest = Digest64()
            digest.add(tensor.bytes.copied)
            components[name] = Component(
                sizes: checkpoint.sizes, digest: digest.value, isPacked: shape.count > 2)
        }
        self.components = components
    }

    /// Of a model that is only published: taken to be stored in 16 bits.
    ///
    /// - Parameter parameters: of each component.
    init(published parameters: [String: Int]) {
        components = parameters.mapValues { Component(sizes: [.dense(.bf16): [2 * $0: 1]], digest: 0) }
    }

    /// What most numbers of a component are stored in; those of 8 bits and fewer are as good as bf16.
    func dtype(_ component: String) -> DType {
        guard let format = components[component]?.format else { return .f32 }
        return format.quantisation == nil ? format.dtype : .bf16
    }

    /// Whether a component has matrices that stay quantised in memory.
    func isQuantised(_ component: String) -> Bool {
        guard let stored = components[component], !stored.isPacked else { return false }
        return stored.byteCounts.keys.contains { $0.quantisation != nil }
    }

    /// Bytes of a component's weights that a device has to hold: all of them, or copies where they do not serve as they
    /// are stored.
    ///
    /// - Parameter isAdapted: whether LoRAs are added to them. Sums lie in no file and are not narrow; what is added to
    ///   quantised matrices stays beside them, and is not counted here.
    func bytes(_ component: String, on device: DeviceProfile, isAdapted: Bool = false) -> Int {
        guard let stored = components[component] else { return 0 }
        return stored.sizes.reduce(0) { sum, part in
            let form = form(of: part.key, stored, on: device, isAdapted: isAdapted)
            return part.value.reduce(sum) { sum, size in
                switch form {
                case .none: sum
                case .asStored: sum + size.value * device.room(for: size.key)
                case .converted:
                    sum + size.value * device.room(for: part.key.count(ofBytes: size.key) * device.dtype.byteWidth)
                }
            }
        }
    }

    /// Of those the bytes that do not lie in the files as the device holds them.
    func convertedBytes(_ component: String, on device: DeviceProfile, isAdapted: Bool = false) -> Int {
        guard let stored = components[component] else { return 0 }
        return stored.byteCounts.reduce(0) { sum, part in
            guard form(of: part.key, stored, on: device, isAdapted: isAdapted) == .converted,
                isAdapted || stored.isPacked || part.key != .dense(device.dtype)
            else { return sum }
            return sum + part.key.count(ofBytes: part.value) * device.dtype.byteWidth
        }
    }

    /// How a device holds a stored tensor.
    private enum Form {
        /// Not: it is used where it lies.
        case none
        case asStored
        /// In the dtype of activations.
        case converted
    }

    private func form(
        of format: StoredFormat, _ stored: Component, on device: DeviceProfile, isAdapted: Bool
    ) -> Form {
        if !stored.isPacked, format.quantisation != nil { return device.copiesWeights ? .asStored : .none }
        if !stored.isPacked, !isAdapted, device.copiesWeights, device.widensWeights { return .asStored }
        let serves =
            device.widensWeights ? format.quantisation == nil : !stored.isPacked && format.dtype == device.dtype
        return serves && !device.copiesWeights && !isAdapted ? .none : .converted
    }

    /// The same of a network that reads only some of the component's tensors.
    ///
    /// - Parameter read: numbers that it reads.
    func bytes(_ component: String, on device: DeviceProfile, read: Int) -> Int {
        let (all, parameters) = (bytes(component, on: device), parameters(component))
        guard parameters > 0 else { return all }
        return Int(Double(all) / Double(parameters) * Double(read))
    }

    /// How many numbers a component has.
    func parameters(_ component: String) -> Int {
        components[component]?.byteCounts.reduce(0) { $0 + $1.key.count(ofBytes: $1.value) } ?? 0
    }

    /// Tells the weights of one training from those of another.
    var fingerprint: String {
        components.sorted { $0.key < $1.key }
            .map { name, stored in
                let byteCount = stored.byteCounts.values.reduce(0, +)
                return "\(name) \(stored.format.name) \(byteCount) \(String(stored.digest, radix: 16))"
            }
            .joined(separator: ", ")
    }
}

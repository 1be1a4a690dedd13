import Compute
import Weights

/// How the weights of a model's components are stored, told without loading them.
struct StoredWeights {
    private let components: [String: Component]

    private struct Component {
        let dtype: DType
        let byteCount: Int
        /// Of the tensor that stands for all.
        let digest: UInt64
        /// Whether it is one of convolutions, whose kernels every backend lays anew.
        var isPacked = false
    }

    /// Of a folder.
    ///
    /// - Parameter keys: a tensor of each component whose dtype and numbers stand for all.
    init(_ folder: ModelFolder, _ keys: [String: String]) throws(WeightError) {
        var components: [String: Component] = [:]
        for (name, key) in keys {
            let checkpoint = try Checkpoint(folder, name)
            let shape = checkpoint.shape(of: key) ?? []
            let tensor = try checkpoint.root.tensor(key, shape)
            var digest = Digest64()
            digest.add(tensor.bytes.copied)
            components[name] = Component(
                dtype: tensor.dtype, byteCount: checkpoint.byteCount, digest: digest.value, isPacked: shape.count > 2)
        }
        self.components = components
    }

    /// Of a model that is only published: taken to be stored in 16 bits.
    ///
    /// - Parameter parameters: of each component.
    init(published parameters: [String: Int]) {
        components = parameters.mapValues { Component(dtype: .bf16, byteCount: 2 * $0, digest: 0) }
    }

    /// How the matrices of a component are stored.
    func dtype(_ component: String) -> DType { components[component]?.dtype ?? .f32 }

    /// Bytes of a component's weights that a device has to hold: all of them, or copies where they do not serve as they
    /// are stored.
    func bytes(_ component: String, dtype: DType, copies: Bool) -> Int {
        guard let stored = components[component], copies || stored.dtype != dtype || stored.isPacked else { return 0 }
        return stored.byteCount / stored.dtype.byteWidth * dtype.byteWidth
    }

    /// The same on a device; sums of adapters lie in no file.
    func bytes(_ component: String, on device: DeviceProfile, isAdapted: Bool = false) -> Int {
        if device.copiesWeights, device.widensWeights, !isAdapted, let stored = components[component],
            !stored.isPacked
        {
            return stored.byteCount
        }
        return bytes(component, dtype: device.dtype, copies: device.copiesWeights || isAdapted)
    }

    /// The same of a network that reads only some of the component's tensors.
    ///
    /// - Parameter read: numbers that it reads; nil where that is not known, and all count.
    func bytes(_ component: String, on device: DeviceProfile, read: Int?) -> Int {
        let (all, parameters) = (bytes(component, on: device), parameters(component))
        guard let read, parameters > 0 else { return all }
        return Int(Double(all) / Double(parameters) * Double(read))
    }

    /// How many numbers a component has.
    func parameters(_ component: String) -> Int {
        components[component].map { $0.byteCount / $0.dtype.byteWidth } ?? 0
    }

    /// Tells the weights of one training from those of another.
    var fingerprint: String {
        components.sorted { $0.key < $1.key }
            .map { "\($0.key) \($0.value.dtype) \($0.value.byteCount) \(String($0.value.digest, radix: 16))" }
            .joined(separator: ", ")
    }
}

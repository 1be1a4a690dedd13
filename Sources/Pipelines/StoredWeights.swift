import Compute
import Weights

/// How the weights of a model's components are stored, told without loading them.
struct StoredWeights {
    private let components: [String: Component]

    private struct Component {
        let format: StoredFormat
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
                format: tensor.format, byteCount: checkpoint.byteCount, digest: digest.value,
                isPacked: shape.count > 2)
        }
        self.components = components
    }

    /// Of a model that is only published: taken to be stored in 16 bits.
    ///
    /// - Parameter parameters: of each component.
    init(published parameters: [String: Int]) {
        components = parameters.mapValues { Component(format: .dense(.bf16), byteCount: 2 * $0, digest: 0) }
    }

    /// How the matrices of a component are stored; numbers of 8 bits and fewer are as good as bf16's.
    func dtype(_ component: String) -> DType {
        guard let format = components[component]?.format else { return .f32 }
        return format.quantisation == nil ? format.dtype : .bf16
    }

    /// Bytes of a component's weights that a device has to hold: all of them, or copies where they do not serve as they
    /// are stored.
    func bytes(_ component: String, dtype: DType, copies: Bool) -> Int {
        guard let stored = components[component] else { return 0 }
        if stored.format.quantisation != nil, !stored.isPacked { return copies ? stored.byteCount : 0 }
        guard copies || stored.format.dtype != dtype || stored.isPacked else { return 0 }
        return stored.format.count(ofBytes: stored.byteCount) * dtype.byteWidth
    }

    /// Tells the weights of one training from those of another.
    var fingerprint: String {
        components.sorted { $0.key < $1.key }
            .map { "\($0.key) \($0.value.format.name) \($0.value.byteCount) \(String($0.value.digest, radix: 16))" }
            .joined(separator: ", ")
    }
}

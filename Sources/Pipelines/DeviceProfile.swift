package import Compute

/// What a plan has to know of the device that a clip would be made on.
package struct DeviceProfile: Sendable {
    /// How errors name it: "cuda:0".
    package let name: String
    /// Of activations.
    package let dtype: DType
    /// Whether weights take room there even where their dtype fits.
    package let copiesWeights: Bool
    /// What a clip with its weights may take; nil where nobody knows.
    package let memoryBytes: Int?

    package init(name: String, dtype: DType, copiesWeights: Bool, memoryBytes: Int?) {
        self.name = name
        self.dtype = dtype
        self.copiesWeights = copiesWeights
        self.memoryBytes = memoryBytes
    }
}

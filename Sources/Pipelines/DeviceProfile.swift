package import Compute
import Layers

/// What a plan has to know of the device that a clip would be made on.
package struct DeviceProfile: Sendable {
    /// How errors name it: "cuda:0".
    package let name: String
    /// Of activations.
    package let dtype: DType
    /// Whether weights take room there even where their dtype fits.
    package let copiesWeights: Bool
    /// Whether matrices and kernels are used as they are stored, in 16 bits too, whatever the activations.
    package let widensWeights: Bool
    /// How many of the blocks that take turns are there at a time.
    package let blockPlaces: Int
    /// What a tensor takes there is a multiple of so many bytes.
    package let granule: Int
    /// What a clip with its weights may take; nil where nobody knows.
    package let memoryBytes: Int?
    /// What leaves the memory; nil for as little as need be.
    package let offload: Offload?
    /// Whether LoRAs stay beside weights that keep their own numbers.
    package let keepsWeights: Bool

    package init(
        name: String, dtype: DType, copiesWeights: Bool, widensWeights: Bool = false, blockPlaces: Int = 2,
        granule: Int = 1, memoryBytes: Int?, offload: Offload? = nil, keepsWeights: Bool = false
    ) {
        self.name = name
        self.dtype = dtype
        self.copiesWeights = copiesWeights
        self.widensWeights = widensWeights
        self.blockPlaces = blockPlaces
        self.granule = granule
        self.memoryBytes = memoryBytes
        self.offload = offload
        self.keepsWeights = keepsWeights
    }
}

extension DeviceProfile {
    /// What a tensor of so many bytes takes there.
    func room(for byteCount: Int) -> Int { (byteCount + granule - 1) / granule * granule }

    /// Whether weights are copied there beside the work.
    var copiesBesideWork: Bool { copiesWeights && blockPlaces > 1 }

    /// The same where what leaves the memory is free to choose.
    var freed: DeviceProfile {
        DeviceProfile(
            name: name, dtype: dtype, copiesWeights: copiesWeights, widensWeights: widensWeights,
            blockPlaces: blockPlaces, granule: granule, memoryBytes: memoryBytes, keepsWeights: keepsWeights)
    }

    /// - Parameter held: bytes there that are held for clips to come.
    init(_ device: Device, _ terms: MemoryTerms, held: Int = 0) {
        let backend = device.backend
        let free = backend.memoryBytes.map { $0 + held }
        self.init(
            name: backend.name, dtype: device.dtype, copiesWeights: backend.copiesWeights || !terms.areFree,
            widensWeights: device.dtype != .bf16 && backend.serves(.bf16, for: device.dtype),
            // The pages of the next block come without being this process's.
            blockPlaces: backend.copiesWeights ? 2 : 1, granule: backend.memoryGranule,
            memoryBytes: terms.limitBytes.map { min($0, free ?? $0) } ?? free, offload: terms.offload,
            keepsWeights: terms.keepsWeights)
    }
}

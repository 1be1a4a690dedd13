import Compute

/// The matrices of a network as its backend keeps them, for the network that takes its place with other LoRAs.
package final class HeldMatrices {
    private var earlier: [String: LinearWeight]
    private var matrices: [String: LinearWeight] = [:]

    /// - Parameter other: those of the network before; what the new one does not ask for leaves with them.
    package init(after other: HeldMatrices? = nil) { earlier = other?.matrices ?? [:] }

    /// The matrix that is called `key`, made where the network before had none.
    func matrix(
        _ key: String, _ stored: StoredTensor, for dtype: DType, on backend: any Backend
    ) throws(ComputeError) -> LinearWeight {
        let matrix: LinearWeight
        if let held = earlier.removeValue(forKey: key) {
            matrix = held
        } else {
            matrix = try backend.linearWeight(stored, for: dtype)
        }
        matrices[key] = matrix
        return matrix
    }
}

package import Compute
import Weights

extension StoredTensor {
    /// The tensor itself or, of a quantised one, its numbers in f32: what can be put into another order.
    package func dense(on backend: any Backend) throws(ComputeError) -> StoredTensor {
        guard format.quantisation != nil else { return self }
        return StoredTensor(try backend.download(backend.vector(self)), shape)
    }
}

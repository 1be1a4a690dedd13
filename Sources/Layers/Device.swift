package import Compute

/// Where a network lives: a backend, and the dtype of the activations that enter its matrix products.
package struct Device {
    package let backend: any Backend
    package let dtype: DType
    /// How many blocks of a network stay in memory while the others take turns; nil for all.
    package let stayingBlocks: Int?

    package init(backend: any Backend, dtype: DType, stayingBlocks: Int? = nil) {
        self.backend = backend
        self.dtype = dtype
        self.stayingBlocks = stayingBlocks
    }

    /// The same for a network of which only some blocks stay in memory.
    package func keeping(_ blocks: Int?) -> Device {
        Device(backend: backend, dtype: dtype, stayingBlocks: blocks)
    }

    /// The same backend for a part that stays in f32.
    package var f32: Device { Device(backend: backend, dtype: .f32) }

    package func allocate(_ shape: Shape) throws(ComputeError) -> Tensor {
        try backend.allocate(shape, dtype)
    }

    /// `x` in this device's dtype; `x` itself where it has it already.
    package func cast(_ x: Tensor) throws(ComputeError) -> Tensor {
        guard x.dtype != dtype else { return x }
        let out = try allocate(x.shape)
        try backend.copy(x, into: out)
        return out
    }
}

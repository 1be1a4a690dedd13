package import Compute
package import Weights

/// `y = x · weightᵀ + bias`.
package struct Linear {
    private let device: Device
    private let weight: LinearWeight
    private let bias: Tensor?

    /// - Parameters:
    ///   - w: scope holding `weight`, and `bias` if `hasBias`.
    ///   - shape: the stored shape where it is not `[out, in]`, as for a patch embedding kept as a convolution.
    package init(
        _ w: WeightScope, in inFeatures: Int, out outFeatures: Int, hasBias: Bool = true, shape: [Int]? = nil,
        on device: Device
    ) throws {
        let stored = try w.tensor("weight", shape ?? [outFeatures, inFeatures])
        self.device = device
        weight = try device.backend.linearWeight(stored.reshaped([outFeatures, inFeatures]), for: device.dtype)
        bias = hasBias ? try device.backend.vector(w.tensor("bias", [outFeatures])) : nil
    }

    /// A matrix that is a part of a larger stored tensor.
    package init(weight stored: StoredTensor, bias: StoredTensor?, on device: Device) throws {
        self.device = device
        weight = try device.backend.linearWeight(stored, for: device.dtype)
        self.bias = try bias.map { try device.backend.vector($0) }
    }

    /// x `[rows, in]`, result `[rows, out]` in the device's dtype or the one asked for.
    package func callAsFunction(
        _ x: Tensor, _ epilogue: Epilogue = .none, as dtype: DType? = nil
    ) throws(ComputeError) -> Tensor {
        let shape = Shape(x.shape.dims.dropLast() + [weight.outFeatures])
        let out = try device.backend.allocate(shape, dtype ?? device.dtype)
        try device.backend.linear(x, weight, bias: bias, epilogue, into: out)
        return out
    }

    /// As above, into `out`; `.add` and `.gatedAdd` add to what it holds.
    package func callAsFunction(_ x: Tensor, _ epilogue: Epilogue, into out: Tensor) throws(ComputeError) {
        try device.backend.linear(x, weight, bias: bias, epilogue, into: out)
    }
}

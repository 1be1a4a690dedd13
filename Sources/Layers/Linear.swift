package import Compute
package import Weights

/// `y = x · weightᵀ + bias`.
package struct Linear {
    private let device: Device
    private let weight: LinearWeight
    private let bias: Tensor?
    /// What LoRAs add beside the weight.
    private let branch: Branch?

    // x · downᵀ · upᵀ
    private struct Branch {
        let down: LinearWeight
        let up: LinearWeight

        init(_ product: LowRank, on device: Device) throws(ComputeError) {
            down = try device.backend.linearWeight(product.down, for: device.dtype)
            up = try device.backend.linearWeight(product.up, for: device.dtype)
        }
    }

    /// - Parameters:
    ///   - w: scope holding `weight`, and `bias` if `hasBias`.
    ///   - shape: the stored shape where it is not `[out, in]`, as for a patch embedding kept as a convolution.
    package init(
        _ w: WeightScope, in inFeatures: Int, out outFeatures: Int, hasBias: Bool = true, shape: [Int]? = nil,
        on device: Device
    ) throws {
        let beside: LowRank?
        (weight, beside) = try w.linearWeight(
            "weight", shape ?? [outFeatures, inFeatures], as: [outFeatures, inFeatures], for: device.dtype,
            on: device.backend)
        self.device = device
        bias = hasBias ? try device.backend.vector(w.tensor("bias", [outFeatures])) : nil
        branch = try beside.map { try Branch($0, on: device) }
    }

    /// A matrix that is a part of a larger stored tensor.
    package init(weight stored: StoredTensor, bias: StoredTensor?, on device: Device) throws {
        self.device = device
        weight = try device.backend.linearWeight(stored, for: device.dtype)
        self.bias = try bias.map { try device.backend.vector($0) }
        branch = nil
    }

    /// x `[rows, in]`, result `[rows, out]` in the device's dtype or the one asked for.
    package func callAsFunction(
        _ x: Tensor, _ epilogue: Epilogue = .none, as dtype: DType? = nil
    ) throws(ComputeError) -> Tensor {
        let shape = Shape(x.shape.dims.dropLast() + [weight.outFeatures])
        let out = try device.backend.allocate(shape, dtype ?? device.dtype)
        try self(x, epilogue, into: out)
        return out
    }

    /// As above, into `out`; `.add` and `.gatedAdd` add to what it holds.
    package func callAsFunction(_ x: Tensor, _ epilogue: Epilogue, into out: Tensor) throws(ComputeError) {
        guard let branch else { return try device.backend.linear(x, weight, bias: bias, epilogue, into: out) }
        try add(branch, to: x, epilogue, into: out)
    }

    /// Both products one after the other, and behind them what is not the same of a sum as of its parts.
    private func add(
        _ branch: Branch, to x: Tensor, _ epilogue: Epilogue, into out: Tensor
    ) throws(ComputeError) {
        let backend = device.backend
        let inner = try device.allocate(Shape(x.shape.dims.dropLast() + [branch.down.outFeatures]))
        try backend.linear(x, branch.down, bias: nil, .none, into: inner)
        switch epilogue {
        case .add, .gatedAdd:
            try backend.linear(x, weight, bias: bias, epilogue, into: out)
            try backend.linear(inner, branch.up, bias: nil, epilogue, into: out)
        case .none, .gelu, .silu:
            try backend.linear(x, weight, bias: bias, .none, into: out)
            try backend.linear(inner, branch.up, bias: nil, .add, into: out)
        }
        switch epilogue {
        case .none, .add, .gatedAdd: break
        case .gelu: try backend.gelu(out, .tanh, into: out)
        case .silu: try backend.silu(out, into: out)
        }
    }
}

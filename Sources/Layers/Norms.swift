package import Compute
package import Weights

/// Root-mean-square norm with a learned gain.
package struct RMSNorm {
    package let weight: Tensor
    package let eps: Float
    private let device: Device

    package init(_ w: WeightScope, dim: Int, eps: Float, on device: Device) throws {
        self.device = device
        self.eps = eps
        weight = try device.backend.vector(w.tensor("weight", [dim]))
    }

    /// x `[rows, dim]` of any dtype, result in the device's dtype.
    package func callAsFunction(_ x: Tensor) throws(ComputeError) -> Tensor {
        let out = try device.allocate(x.shape)
        try device.backend.rmsNorm(x, gain: weight, eps: eps, into: out)
        return out
    }

    /// In place over full rows, followed by the rotary embedding of each head where there is a table.
    package func apply(to x: Tensor, heads: Int, rotary: RotaryTable?) throws(ComputeError) {
        try device.backend.rmsNormRotary(x, gain: weight, eps: eps, heads: heads, rotary: rotary)
    }
}

/// Layer norm with learned weight and bias, or modulated by vectors given at the call.
package struct LayerNorm {
    private let device: Device
    private let eps: Float
    private let weight: Tensor?
    private let bias: Tensor?

    package init(_ w: WeightScope, dim: Int, eps: Float, on device: Device) throws {
        self.device = device
        self.eps = eps
        weight = try device.backend.vector(w.tensor("weight", [dim]))
        bias = try device.backend.vector(w.tensor("bias", [dim]))
    }

    /// Without parameters of its own.
    package init(eps: Float, on device: Device) {
        self.device = device
        self.eps = eps
        weight = nil
        bias = nil
    }

    /// x `[rows, dim]` f32, result in the device's dtype.
    package func callAsFunction(_ x: Tensor) throws(ComputeError) -> Tensor {
        try callAsFunction(x, gain: weight, offset: bias)
    }

    /// `norm(x) · gain + offset`; gain and offset `[dim]`, or `[groups, dim]` for runs of rows.
    package func callAsFunction(
        _ x: Tensor, gain: Tensor?, offset: Tensor?, runs: RowRuns = .even
    ) throws(ComputeError) -> Tensor {
        let out = try device.allocate(x.shape)
        try device.backend.layerNorm(x, gain: gain, offset: offset, runs: runs, eps: eps, into: out)
        return out
    }
}

/// Norm over the channels at each position, optionally followed by SiLU (Wan's VAE).
package struct ChannelNorm {
    private let device: Device
    private let gamma: Tensor
    private let silu: Bool

    /// - Parameter rank: how many dimensions `gamma` is stored with, all but the first of extent 1.
    package init(_ w: WeightScope, channels: Int, rank: Int, silu: Bool, on device: Device) throws {
        self.device = device
        self.silu = silu
        let stored = try w.tensor("gamma", [channels] + Array(repeating: 1, count: rank - 1))
        gamma = try device.backend.vector(stored.reshaped([channels]))
    }

    package func callAsFunction(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        try device.backend.channelNorm(x, gain: gamma, silu: silu, into: out)
    }
}

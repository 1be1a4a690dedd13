import Compute
import Layers
import Weights

/// What queries attend to: `[keys, dim]` each, keys normed and turned.
struct KeysAndValues {
    let keys: Tensor
    let values: Tensor
}

/// Multi-head attention with an RMS norm over the full width of queries and keys.
struct WanAttention {
    private let device: Device
    private let heads: Int
    private let scale: Float
    private let toQ: Linear
    private let toK: Linear
    private let toV: Linear
    private let toOut: Linear
    private let normQ: RMSNorm
    private let normK: RMSNorm

    init(_ w: WeightScope, _ config: WanTransformerConfig, on device: Device) throws {
        self.device = device
        heads = config.numAttentionHeads
        scale = 1 / Float(config.attentionHeadDim).squareRoot()
        let dim = config.dim
        toQ = try Linear(w["to_q"], in: dim, out: dim, on: device)
        toK = try Linear(w["to_k"], in: dim, out: dim, on: device)
        toV = try Linear(w["to_v"], in: dim, out: dim, on: device)
        toOut = try Linear(w["to_out"][0], in: dim, out: dim, on: device)
        normQ = try RMSNorm(w["norm_q"], dim: dim, eps: config.eps, on: device)
        normK = try RMSNorm(w["norm_k"], dim: dim, eps: config.eps, on: device)
    }

    func keysAndValues(_ x: Tensor, rotary: RotaryTable? = nil) throws(ComputeError) -> KeysAndValues {
        let keys = try toK(x)
        try normK.apply(to: keys, heads: heads, rotary: rotary)
        return KeysAndValues(keys: keys, values: try toV(x))
    }

    func queries(_ x: Tensor, rotary: RotaryTable?) throws(ComputeError) -> Tensor {
        let queries = try toQ(x)
        try normQ.apply(to: queries, heads: heads, rotary: rotary)
        return queries
    }

    /// `[tokens, dim]`, not yet projected.
    ///
    /// - Parameter factorized: what takes the place of full attention.
    func attend(
        _ queries: Tensor, _ kv: KeysAndValues, groups: TokenGroups, bias: AttentionBias?,
        factorized: FactorizedAttention.Layer? = nil
    ) throws(ComputeError) -> Tensor {
        let attended = try device.allocate(queries.shape)
        if let factorized {
            try factorized(
                queries, kv.keys, kv.values, heads: heads, scale: scale, on: device.backend, into: attended)
            return attended
        }
        try device.backend.attention(
            queries, kv.keys, kv.values, heads: heads, scale: scale, groups: groups, bias: bias, into: attended)
        return attended
    }

    /// Adds the projected result to `out`.
    func project(_ attended: Tensor, _ epilogue: Epilogue, into out: Tensor) throws(ComputeError) {
        try toOut(attended, epilogue, into: out)
    }
}

/// Keys and values of pictures, made by weights of their own beside those of the text.
struct WanPictureKeysAndValues {
    private let heads: Int
    private let addKProj: Linear
    private let addVProj: Linear
    private let normAddedK: RMSNorm

    init(_ w: WeightScope, _ config: WanTransformerConfig, on device: Device) throws {
        heads = config.numAttentionHeads
        let dim = config.dim
        addKProj = try Linear(w["add_k_proj"], in: dim, out: dim, on: device)
        addVProj = try Linear(w["add_v_proj"], in: dim, out: dim, on: device)
        normAddedK = try RMSNorm(w["norm_added_k"], dim: dim, eps: config.eps, on: device)
    }

    func callAsFunction(_ tokens: Tensor) throws(ComputeError) -> KeysAndValues {
        let keys = try addKProj(tokens)
        try normAddedK.apply(to: keys, heads: heads, rotary: nil)
        return KeysAndValues(keys: keys, values: try addVProj(tokens))
    }
}

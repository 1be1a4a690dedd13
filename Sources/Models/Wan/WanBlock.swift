import Compute
import Layers
import Weights

/// One block of a Wan transformer: self-attention, attention to the text, feed-forward.
///
/// Follows WanTransformerBlock of Diffusers; the residual stream stays in f32.
struct WanBlock {
    private let attn1: WanAttention
    private let attn2: WanAttention
    private let norm2: LayerNorm
    private let norm: LayerNorm
    private let ffnIn: Linear
    private let ffnOut: Linear
    private let modulation: Tensor  // [6, dim], ones added to the two scales
    private let device: Device

    init(_ w: WeightScope, _ config: WanTransformerConfig, on device: Device) throws {
        self.device = device
        attn1 = try WanAttention(w["attn1"], config, on: device)
        attn2 = try WanAttention(w["attn2"], config, on: device)
        norm2 = try LayerNorm(w["norm2"], dim: config.dim, eps: config.eps, on: device)
        norm = LayerNorm(eps: config.eps, on: device)
        ffnIn = try Linear(w["ffn"]["net"][0]["proj"], in: config.dim, out: config.ffnDim, on: device)
        ffnOut = try Linear(w["ffn"]["net"][2], in: config.ffnDim, out: config.dim, on: device)
        modulation = try modulationTable(w, rows: 6, dim: config.dim, scaleRows: [1, 4], on: device.backend)
    }

    /// Keys and values of the text, the same at every step.
    func textKeysAndValues(_ context: Tensor) throws(ComputeError) -> KeysAndValues {
        try attn2.keysAndValues(context)
    }

    /// Adds to x f32 `[tokens, dim]`; time is `[6, dim]`.
    func callAsFunction(
        _ x: Tensor, time: Tensor, text: KeysAndValues, textBias: Tensor, rotary: RotaryTable, groups: TokenGroups
    ) throws(ComputeError) {
        let m = try device.backend.allocate(modulation.shape, .f32)
        try device.backend.combine([(1, modulation), (1, time)], into: m)
        let (shift1, scale1, gate1, shift2, scale2, gate2) = (m[0], m[1], m[2], m[3], m[4], m[5])

        let a = try norm(x, gain: scale1, offset: shift1)
        let itself = try attn1.keysAndValues(a, rotary: rotary)
        try attn1(a, itself, rotary: rotary, groups: groups, bias: nil, .gatedAdd(gate: gate1), into: x)

        try attn2(norm2(x), text, rotary: nil, groups: .all, bias: .perKey(textBias), .add, into: x)

        let d = try norm(x, gain: scale2, offset: shift2)
        try ffnOut(ffnIn(d, .gelu), .gatedAdd(gate: gate2), into: x)
    }
}

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

    /// Attends from x `[tokens, dim]` and adds the projected result to `out`.
    func callAsFunction(
        _ x: Tensor, _ kv: KeysAndValues, rotary: RotaryTable?, groups: TokenGroups, bias: AttentionBias?,
        _ epilogue: Epilogue, into out: Tensor
    ) throws(ComputeError) {
        let queries = try toQ(x)
        try normQ.apply(to: queries, heads: heads, rotary: rotary)
        let attended = try device.allocate(queries.shape)
        try device.backend.attention(
            queries, kv.keys, kv.values, heads: heads, scale: scale, groups: groups, bias: bias, into: attended)
        try toOut(attended, epilogue, into: out)
    }
}

/// A stored `scale_shift_table` `[1, rows, dim]` as `[rows, dim]` with 1 added to its scales, so that a norm's gain is
/// one sum.
func modulationTable(
    _ w: WeightScope, rows: Int, dim: Int, scaleRows: [Int], on backend: any Backend
) throws -> Tensor {
    let table = try backend.vector(w.tensor("scale_shift_table", [1, rows, dim]).reshaped([rows, dim]))
    var ones = [Float](repeating: 0, count: rows * dim)
    for row in scaleRows {
        for column in 0..<dim { ones[row * dim + column] = 1 }
    }
    let sum = try backend.allocate([rows, dim], .f32)
    try backend.combine([(1, table), (1, backend.upload(ones, [rows, dim]))], into: sum)
    return sum
}

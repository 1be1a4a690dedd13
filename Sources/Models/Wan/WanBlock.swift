import Compute
import Layers
import Weights

/// One block of a Wan transformer: self-attention, attention to text and pictures, feed-forward.
///
/// Follows WanTransformerBlock of Diffusers; the residual stream stays in f32.
struct WanBlock {
    private let attn1: WanAttention
    private let attn2: WanAttention
    private let pictureKeysAndValues: WanPictureKeysAndValues?
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
        pictureKeysAndValues =
            config.imageDim == nil ? nil : try WanPictureKeysAndValues(w["attn2"], config, on: device)
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

    /// Keys and values of the pictures' tokens, the same at every step; nil for a model that has none.
    func pictureKeysAndValues(_ tokens: Tensor) throws(ComputeError) -> KeysAndValues? {
        try pictureKeysAndValues?(tokens)
    }

    /// What a block attends to beside its own tokens.
    struct Context {
        let text: KeysAndValues
        let textBias: Tensor
        let pictures: KeysAndValues?
    }

    /// Adds to x f32 `[tokens, dim]`; time is `[groups, 6, dim]` for runs of tokens.
    func callAsFunction(
        _ x: Tensor, time: Tensor, runs: RowRuns, context: Context, rotary: RotaryTable, groups: TokenGroups,
        factorized: FactorizedAttention.Layer?
    ) throws(ComputeError) {
        let m = try modulated(modulation, time, on: device.backend)
        let (shift1, scale1, gate1, shift2, scale2, gate2) = (m[0], m[1], m[2], m[3], m[4], m[5])

        let a = try norm(x, gain: scale1, offset: shift1, runs: runs)
        let itself = try attn1.keysAndValues(a, rotary: rotary)
        let own = try attn1.attend(
            attn1.queries(a, rotary: rotary), itself, groups: groups, bias: nil, factorized: factorized)
        try attn1.project(own, .gatedAdd(gate: gate1, runs: runs), into: x)

        let queries = try attn2.queries(norm2(x), rotary: nil)
        let told = try attn2.attend(queries, context.text, groups: .all, bias: .lastKey(context.textBias))
        if let pictures = context.pictures {
            let shown = try attn2.attend(queries, pictures, groups: .all, bias: nil)
            try device.backend.add(shown, into: told)
        }
        try attn2.project(told, .add, into: x)

        let d = try norm(x, gain: scale2, offset: shift2, runs: runs)
        try ffnOut(ffnIn(d, .gelu), .gatedAdd(gate: gate2, runs: runs), into: x)
    }
}

/// A table `[rows, dim]` plus time `[groups, rows, dim]`, as `[rows, groups, dim]`.
func modulated(_ table: Tensor, _ time: Tensor, on backend: any Backend) throws(ComputeError) -> Tensor {
    let (groups, rows, dim) = (time.shape[0], table.shape[0], table.shape[1])
    let sum = try backend.allocate([rows, groups, dim], .f32)
    guard groups > 1 else {
        try backend.combine([(1, table), (1, time)], into: sum)
        return sum
    }
    for row in 0..<rows {
        for group in 0..<groups {
            try backend.combine([(1, table[row]), (1, time[group][row])], into: sum[row][group])
        }
    }
    return sum
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

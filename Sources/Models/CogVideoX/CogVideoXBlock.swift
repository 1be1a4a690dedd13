import Compute
import Layers
import Weights

/// One block of a CogVideoX transformer: attention of text and video to each other, then a feed-forward.
///
/// Follows CogVideoXBlock of Diffusers; rows of text come first, and the residual stream stays in f32.
struct CogVideoXBlock {
    private let device: Device
    private let norm1: CogVideoXNormZero
    private let attn1: CogVideoXAttention
    private let norm2: CogVideoXNormZero
    private let ffIn: Linear
    private let ffOut: Linear

    init(_ w: WeightScope, _ config: CogVideoXTransformerConfig, on device: Device) throws {
        self.device = device
        let dim = config.dim
        norm1 = try CogVideoXNormZero(w["norm1"], config, on: device)
        attn1 = try CogVideoXAttention(w["attn1"], config, on: device)
        norm2 = try CogVideoXNormZero(w["norm2"], config, on: device)
        ffIn = try Linear(w["ff"]["net"][0]["proj"], in: dim, out: 4 * dim, on: device)
        ffOut = try Linear(w["ff"]["net"][2], in: 4 * dim, out: dim, on: device)
    }

    /// What a timestep makes of the two norms and gates, f32 `[2, 6, dim]`.
    ///
    /// - Parameter time: its embedding behind SiLU, `[1, time_embed_dim]`.
    func modulation(_ time: Tensor, into out: Tensor) throws(ComputeError) {
        try norm1.vectors(time, into: out[0])
        try norm2.vectors(time, into: out[1])
    }

    /// Adds to x f32 `[text + video, dim]`.
    ///
    /// - Parameter factorized: what takes the place of full attention.
    func callAsFunction(
        _ x: Tensor, modulation: Tensor, text: Int, rotary: RotaryTable?, factorized: FactorizedAttention.Layer?
    ) throws(ComputeError) {
        let runs = RowRuns.lengths([text, x.shape[0] - text])
        let first = CogVideoXModulation(modulation[0])
        try attn1(
            norm1(x, first, runs), text: text, rotary: rotary, factorized: factorized,
            .gatedAdd(gate: first.gates, runs: runs), into: x)
        let second = CogVideoXModulation(modulation[1])
        try ffOut(ffIn(norm2(x, second, runs), .gelu), .gatedAdd(gate: second.gates, runs: runs), into: x)
    }
}

/// Vectors for the rows of the text and for those of the video, f32 `[2, dim]` each.
struct CogVideoXModulation {
    let gains: Tensor
    let offsets: Tensor
    let gates: Tensor

    /// - Parameter rows: `[6, dim]`.
    init(_ rows: Tensor) {
        gains = rows[0..<2]
        offsets = rows[2..<4]
        gates = rows[4..<6]
    }
}

/// A layer norm whose gain and offset a timestep changes, for text and video each its own way (CogVideoXLayerNormZero).
struct CogVideoXNormZero {
    private let linear: Linear
    private let affine: ModulatedAffine
    private let norm: LayerNorm

    init(_ w: WeightScope, _ config: CogVideoXTransformerConfig, on device: Device) throws {
        linear = try Linear(w["linear"], in: config.timeEmbedDim, out: 6 * config.dim, on: device)
        affine = try ModulatedAffine(w["norm"], dim: config.dim, on: device.backend)
        norm = LayerNorm(eps: config.normEps, on: device)
    }

    func vectors(_ time: Tensor, into out: Tensor) throws(ComputeError) {
        // Shift, scale and gate of the video, then those of the text.
        let m = try linear(time, as: .f32).reshaped([6, out.shape.last])
        for (row, first) in [(0, 3), (1, 0)] {
            try affine.gain(scale: m[first + 1], into: out[row])
            try affine.offset(scale: m[first + 1], shift: m[first], into: out[2 + row])
            try affine.backend.copy(m[first + 2], into: out[4 + row])
        }
    }

    func callAsFunction(_ x: Tensor, _ modulation: CogVideoXModulation, _ runs: RowRuns) throws(ComputeError) -> Tensor
    {
        try norm(x, gain: modulation.gains, offset: modulation.offsets, runs: runs)
    }
}

/// The learned gain and offset of a norm behind which a timestep scales and shifts: one gain and one offset in all.
struct ModulatedAffine {
    let backend: any Backend
    private let weight: Tensor
    private let bias: Tensor

    init(_ w: WeightScope, dim: Int, on backend: any Backend) throws {
        self.backend = backend
        weight = try backend.vector(w.tensor("weight", [dim]))
        bias = try backend.vector(w.tensor("bias", [dim]))
    }

    /// `weight · (1 + scale)`.
    func gain(scale: Tensor, into out: Tensor) throws(ComputeError) { try multiply(scale, weight, into: out) }

    /// `bias · (1 + scale) + shift`.
    func offset(scale: Tensor, shift: Tensor, into out: Tensor) throws(ComputeError) {
        try multiply(scale, bias, into: out)
        try backend.combine([(1, out), (1, shift)], into: out)
    }

    /// `vector · (1 + scale)`; a vector is a picture of one place.
    private func multiply(_ scale: Tensor, _ vector: Tensor, into out: Tensor) throws(ComputeError) {
        let dim = vector.count
        try backend.channelsLast(
            scale.reshaped([dim, 1, 1, 1]), frame: 0, gain: vector, offset: vector, into: out.reshaped([1, 1, 1, dim]))
    }
}

/// Attention of all rows to all rows; queries and keys are normed head by head, and turned where they are of the video.
struct CogVideoXAttention {
    private let device: Device
    private let heads: Int
    private let scale: Float
    private let toQ: Linear
    private let toK: Linear
    private let toV: Linear
    private let toOut: Linear
    private let normQ: (weight: Tensor, bias: Tensor)
    private let normK: (weight: Tensor, bias: Tensor)

    private static let eps: Float = 1e-6

    init(_ w: WeightScope, _ config: CogVideoXTransformerConfig, on device: Device) throws {
        self.device = device
        heads = config.numAttentionHeads
        scale = 1 / Float(config.attentionHeadDim).squareRoot()
        let (dim, hasBias) = (config.dim, config.attentionBias)
        toQ = try Linear(w["to_q"], in: dim, out: dim, hasBias: hasBias, on: device)
        toK = try Linear(w["to_k"], in: dim, out: dim, hasBias: hasBias, on: device)
        toV = try Linear(w["to_v"], in: dim, out: dim, hasBias: hasBias, on: device)
        toOut = try Linear(w["to_out"][0], in: dim, out: dim, on: device)
        let vectors = { (w: WeightScope) throws in
            (
                weight: try device.backend.vector(w.tensor("weight", [config.attentionHeadDim])),
                bias: try device.backend.vector(w.tensor("bias", [config.attentionHeadDim]))
            )
        }
        normQ = try vectors(w["norm_q"])
        normK = try vectors(w["norm_k"])
    }

    /// Attends from and to a `[text + video, dim]` and adds the projected result to `out`.
    func callAsFunction(
        _ a: Tensor, text: Int, rotary: RotaryTable?, factorized: FactorizedAttention.Layer?, _ epilogue: Epilogue,
        into out: Tensor
    ) throws(ComputeError) {
        let queries = try normed(toQ(a), normQ, text: text, rotary: rotary)
        let keys = try normed(toK(a), normK, text: text, rotary: rotary)
        let attended = try device.allocate(queries.shape)
        let values = try toV(a)
        if let factorized {
            try factorized(queries, keys, values, heads: heads, scale: scale, on: device.backend, into: attended)
        } else {
            try device.backend.attention(
                queries, keys, values, heads: heads, scale: scale, groups: .all, bias: nil, into: attended)
        }
        try toOut(attended, epilogue, into: out)
    }

    private func normed(
        _ x: Tensor, _ norm: (weight: Tensor, bias: Tensor), text: Int, rotary: RotaryTable?
    ) throws(ComputeError) -> Tensor {
        let parts: [(rows: Range<Int>, rotary: RotaryTable?)] = [(0..<text, nil), (text..<x.shape[0], rotary)]
        for (rows, rotary) in parts {
            try device.backend.layerNormRotary(
                x[rows], gain: norm.weight, offset: norm.bias, eps: Self.eps, heads: heads, rotary: rotary)
        }
        return x
    }
}

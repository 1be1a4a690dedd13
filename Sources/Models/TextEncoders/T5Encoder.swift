package import Compute
package import Layers
package import Weights

/// The encoder of T5 and umT5, names as in Hugging Face's checkpoints.
///
/// T5 is meant in its version 1.1 (Raffel et al. 2020; Chung et al. 2023).
package struct T5Encoder {
    private let device: Device
    private let config: T5Config
    private let embedding: Tensor  // [vocab, d_model], as stored
    private let blocks: Blocks<T5Block>
    /// Of each block, or of the first for all.
    ///
    /// They are small and on the host, so they do not move with the blocks.
    private let biases: [RelativePositionBias]
    private let finalNorm: RMSNorm

    package init(_ w: WeightScope, _ config: T5Config, on device: Device) throws {
        self.device = device
        self.config = config
        let shape = [config.vocabSize, config.dModel]
        // The two names are tied; checkpoints hold one of them or both.
        let tied = try w["encoder"]["embed_tokens"].optionalTensor("weight", shape)
        let shared = try w["shared"].optionalTensor("weight", shape)
        embedding = try device.backend.resident(tied ?? shared ?? w["shared"].tensor("weight", shape))
        let list = w["encoder"]["block"]
        blocks = try Blocks(list, count: config.numLayers, on: device) { (w, _) in
            try T5Block(w["layer"], config, on: device)
        }
        biases = try (0..<(config.hasBiasInEveryLayer ? config.numLayers : 1)).map {
            try RelativePositionBias(
                list[$0]["layer"][0]["SelfAttention"]["relative_attention_bias"], config, on: device.backend)
        }
        finalNorm = try RMSNorm(
            w["encoder"]["final_layer_norm"], dim: config.dModel, eps: config.layerNormEpsilon, on: device.f32)
    }

    /// Hidden states f32 `[ids, d_model]` of one text without padding.
    package func callAsFunction(_ ids: [Int32], probe: Probe? = nil) throws(ComputeError) -> Tensor {
        let x = try device.backend.allocate([ids.count, config.dModel], .f32)
        try device.backend.embedding(ids, embedding, into: x)
        var bias: Tensor?
        try blocks.inTurn { (index, block) throws(ComputeError) in
            if index < biases.count { bias = try biases[index](length: ids.count, on: device.backend) }
            try block(x, bias: bias)
            try probe?("block.\(twoDigits(index))", x)
        }
        return try finalNorm(x)
    }
}

/// Self-attention with position bias, then a gated feed-forward, each behind an RMS norm.
private struct T5Block {
    private let device: Device
    private let config: T5Config
    private let q: Linear
    private let k: Linear
    private let v: Linear
    private let o: Linear
    private let attentionNorm: RMSNorm
    private let wi0: Linear
    private let wi1: Linear
    private let wo: Linear
    private let feedForwardNorm: RMSNorm

    init(_ w: WeightScope, _ config: T5Config, on device: Device) throws {
        self.device = device
        self.config = config
        let (width, inner, hidden) = (config.dModel, config.inner, config.dFf)
        let attention = w[0]["SelfAttention"]
        q = try Linear(attention["q"], in: width, out: inner, hasBias: false, on: device)
        k = try Linear(attention["k"], in: width, out: inner, hasBias: false, on: device)
        v = try Linear(attention["v"], in: width, out: inner, hasBias: false, on: device)
        o = try Linear(attention["o"], in: inner, out: width, hasBias: false, on: device)
        attentionNorm = try RMSNorm(w[0]["layer_norm"], dim: width, eps: config.layerNormEpsilon, on: device)
        let dense = w[1]["DenseReluDense"]
        wi0 = try Linear(dense["wi_0"], in: width, out: hidden, hasBias: false, on: device)
        wi1 = try Linear(dense["wi_1"], in: width, out: hidden, hasBias: false, on: device)
        wo = try Linear(dense["wo"], in: hidden, out: width, hasBias: false, on: device)
        feedForwardNorm = try RMSNorm(w[1]["layer_norm"], dim: width, eps: config.layerNormEpsilon, on: device)
    }

    /// Adds to x f32 `[tokens, d_model]`.
    func callAsFunction(_ x: Tensor, bias: Tensor?) throws(ComputeError) {
        let n = try attentionNorm(x)
        let attended = try device.allocate([x.shape[0], config.inner])
        // T5 folds the usual 1/sqrt(d) into its weights.
        try device.backend.attention(
            q(n), k(n), v(n), heads: config.numHeads, scale: 1, groups: .all, bias: bias.map { .perHead($0) },
            into: attended)
        try o(attended, .add, into: x)

        let m = try feedForwardNorm(x)
        let gate = try wi0(m)
        try device.backend.geluGate(gate, wi1(m), into: gate)
        try wo(gate, .add, into: x)
    }
}

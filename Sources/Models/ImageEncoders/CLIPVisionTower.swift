package import Compute
package import Layers
package import Weights

/// The vision tower of CLIP, as far as its last hidden states but one.
///
/// Radford et al. 2021. Names as transformers 5 writes them, or below `vision_model` as transformers 4 did.
package struct CLIPVisionTower {
    private let device: Device
    private let config: CLIPVisionConfig
    private let classEmbedding: Tensor  // [hidden]
    private let patchEmbedding: Linear
    private let positionEmbedding: Tensor  // [tokens, hidden]
    private let preNorm: LayerNorm
    private let layers: [CLIPLayer]

    package init(_ root: WeightScope, _ config: CLIPVisionConfig, on device: Device) throws {
        self.device = device
        self.config = config
        let w = root["vision_model"]["embeddings"].contains("class_embedding") ? root["vision_model"] : root
        let (width, patch) = (config.hiddenSize, config.patchSize)
        classEmbedding = try device.backend.vector(w["embeddings"].tensor("class_embedding", [width]))
        patchEmbedding = try Linear(
            w["embeddings"]["patch_embedding"], in: 3 * patch * patch, out: width, hasBias: false,
            shape: [width, 3, patch, patch], on: device)
        positionEmbedding = try device.backend.vector(
            w["embeddings"]["position_embedding"].tensor("weight", [config.tokens, width]))
        preNorm = try LayerNorm(w["pre_layrnorm"], dim: width, eps: config.layerNormEps, on: device.f32)
        layers = try (0..<config.layersRead).map { try CLIPLayer(w["encoder"]["layers"][$0], config, on: device) }
    }

    /// What a checkpoint holds beside what is read.
    package static func ignored(_ config: CLIPVisionConfig) -> [IgnoredKey] {
        ["", "vision_model."].flatMap { prefix in
            [
                IgnoredKey(
                    "\(prefix)encoder.layers.\(config.layersRead).*", reason: "hidden states are read in front of it"),
                IgnoredKey("\(prefix)post_layernorm.*", reason: "hidden states do not pass it"),
                IgnoredKey("\(prefix)embeddings.position_ids", reason: "the numbers from 0 on"),
            ]
        } + [IgnoredKey("visual_projection.weight", reason: "hidden states do not pass it")]
    }

    /// Hidden states f32 `[tokens, hidden]` of one picture f32 `[3, 1, side, side]`.
    package func callAsFunction(_ pixels: Tensor, probe: Probe? = nil) throws(ComputeError) -> Tensor {
        let x = try device.backend.allocate([config.tokens, config.hiddenSize], .f32)
        let patch = config.patchSize
        let patches = try device.allocate([config.tokens - 1, 3 * patch * patch])
        try device.backend.patchify(pixels, patch: PatchSize(time: 1, height: patch, width: patch), into: patches)
        try device.backend.copy(classEmbedding, into: x[0])
        try patchEmbedding(patches, .none, into: x[1..<config.tokens])
        try device.backend.combine([(1, x), (1, positionEmbedding)], into: x)
        let y = try preNorm(x)
        for (index, layer) in layers.enumerated() {
            try layer(y)
            try probe?(twoDigits(index), y)
        }
        return y
    }
}

/// Self-attention, then a feed-forward, each behind a layer norm.
private struct CLIPLayer {
    private let device: Device
    private let config: CLIPVisionConfig
    private let norm1: LayerNorm
    private let q: Linear
    private let k: Linear
    private let v: Linear
    private let out: Linear
    private let norm2: LayerNorm
    private let fc1: Linear
    private let fc2: Linear

    init(_ w: WeightScope, _ config: CLIPVisionConfig, on device: Device) throws {
        self.device = device
        self.config = config
        let width = config.hiddenSize
        norm1 = try LayerNorm(w["layer_norm1"], dim: width, eps: config.layerNormEps, on: device)
        q = try Linear(w["self_attn"]["q_proj"], in: width, out: width, on: device)
        k = try Linear(w["self_attn"]["k_proj"], in: width, out: width, on: device)
        v = try Linear(w["self_attn"]["v_proj"], in: width, out: width, on: device)
        out = try Linear(w["self_attn"]["out_proj"], in: width, out: width, on: device)
        norm2 = try LayerNorm(w["layer_norm2"], dim: width, eps: config.layerNormEps, on: device)
        fc1 = try Linear(w["mlp"]["fc1"], in: width, out: config.intermediateSize, on: device)
        fc2 = try Linear(w["mlp"]["fc2"], in: config.intermediateSize, out: width, on: device)
    }

    /// Adds to x f32 `[tokens, hidden]`.
    func callAsFunction(_ x: Tensor) throws(ComputeError) {
        let n = try norm1(x)
        let attended = try device.allocate(n.shape)
        let heads = config.numAttentionHeads
        try device.backend.attention(
            q(n), k(n), v(n), heads: heads, scale: 1 / Float(config.hiddenSize / heads).squareRoot(), groups: .all,
            bias: nil, into: attended)
        try out(attended, .add, into: x)

        let hidden = try fc1(norm2(x))
        try device.backend.gelu(hidden, config.activation, into: hidden)
        try fc2(hidden, .add, into: x)
    }
}

import Compute
import Layers
import Weights

/// Embeds the timestep, the text and pictures (`condition_embedder`).
struct WanConditionEmbedder {
    private let device: Device
    private let config: WanTransformerConfig
    private let timeEmbedder: TimestepEmbedding
    private let timeProj: Linear
    private let textLinear1: Linear
    private let textLinear2: Linear
    private let imageEmbedder: WanImageEmbedder?

    init(_ w: WeightScope, _ config: WanTransformerConfig, on device: Device) throws {
        self.device = device
        self.config = config
        let dim = config.dim
        timeEmbedder = try TimestepEmbedding(w["time_embedder"], frequencies: config.freqDim, out: dim, on: device)
        timeProj = try Linear(w["time_proj"], in: dim, out: 6 * dim, on: device)
        textLinear1 = try Linear(w["text_embedder"]["linear_1"], in: config.textDim, out: dim, on: device)
        textLinear2 = try Linear(w["text_embedder"]["linear_2"], in: dim, out: dim, on: device)
        imageEmbedder = try config.imageDim.map {
            try WanImageEmbedder(w["image_embedder"], config, in: $0, on: device)
        }
    }

    /// The embeddings f32 `[timesteps, dim]`, for the head, and their projections f32 `[timesteps, 6 · dim]`, for the
    /// blocks.
    func times(_ timesteps: [Float]) throws(ComputeError) -> (embeddings: Tensor, projections: Tensor) {
        let embeddings = try timeEmbedder(timesteps)
        let activated = try device.allocate(embeddings.shape)
        try device.backend.silu(embeddings, into: activated)
        return (embeddings, try timeProj(activated, as: .f32))
    }

    /// `[rows, dim]` in the device's dtype.
    func text(_ embedding: Tensor) throws(ComputeError) -> Tensor {
        try textLinear2(textLinear1(device.cast(embedding), .gelu))
    }

    /// `[tokens, dim]` in the device's dtype, of hidden states f32 `[tokens, image_dim]` of all pictures; nil for a
    /// model that reads none.
    func pictures(_ states: Tensor) throws(ComputeError) -> Tensor? { try imageEmbedder?(states) }
}

/// Two linear layers between two norms, which bring the states of an image encoder to the width of the transformer.
private struct WanImageEmbedder {
    private let device: Device
    private let posEmbed: Tensor?  // [tokens, image_dim]
    private let norm1: LayerNorm
    private let ffIn: Linear
    private let ffOut: Linear
    private let norm2: LayerNorm

    init(_ w: WeightScope, _ config: WanTransformerConfig, in width: Int, on device: Device) throws {
        self.device = device
        posEmbed = try config.posEmbedSeqLen.map {
            try device.backend.vector(w.tensor("pos_embed", [1, $0, width])).reshaped([$0, width])
        }
        // FP32LayerNorm's own eps, whatever the blocks' is.
        norm1 = try LayerNorm(w["norm1"], dim: width, eps: 1e-5, on: device)
        ffIn = try Linear(w["ff"]["net"][0]["proj"], in: width, out: width, on: device)
        ffOut = try Linear(w["ff"]["net"][2], in: width, out: config.dim, on: device)
        norm2 = try LayerNorm(w["norm2"], dim: config.dim, eps: 1e-5, on: device)
    }

    func callAsFunction(_ states: Tensor) throws(ComputeError) -> Tensor {
        var x = states
        if let posEmbed {
            x = try device.backend.allocate(states.shape, .f32)
            try device.backend.combine([(1, states), (1, posEmbed)], into: x)
        }
        let hidden = try ffIn(norm1(x))
        try device.backend.gelu(hidden, .exact, into: hidden)
        return try norm2(ffOut(hidden, as: .f32))
    }
}

package import Compute
import Glibc
package import Layers
package import Weights

/// The denoiser of Wan 2.1 and 2.2 (Wan Team 2025): predicts the flow velocity of noisy latents.
///
/// Follows WanTransformer3DModel of Diffusers 0.42.1.
package struct WanTransformer {
    package let config: WanTransformerConfig
    private let device: Device
    private let patchEmbedding: Linear
    private let conditionEmbedder: WanConditionEmbedder
    private let blocks: [WanBlock]
    private let normOut: LayerNorm
    private let projOut: Linear
    private let modulation: Tensor  // [2, dim], one added to the scale
    private let rotary: RotaryEmbedding

    package init(_ w: WeightScope, _ config: WanTransformerConfig, on device: Device) throws {
        self.config = config
        self.device = device
        let patch = config.patch
        patchEmbedding = try Linear(
            w["patch_embedding"], in: config.inChannels * patch.volume, out: config.dim,
            shape: [config.dim, config.inChannels] + config.patchSize, on: device)
        conditionEmbedder = try WanConditionEmbedder(w["condition_embedder"], config, on: device)
        blocks = try (0..<config.numLayers).map { try WanBlock(w["blocks"][$0], config, on: device) }
        normOut = LayerNorm(eps: config.eps, on: device)
        projOut = try Linear(w["proj_out"], in: config.dim, out: config.outChannels * patch.volume, on: device)
        modulation = try modulationTable(w, rows: 2, dim: config.dim, scaleRows: [1], on: device.backend)
        rotary = RotaryEmbedding(headDim: config.attentionHeadDim)
    }

    /// What the blocks need to know of a text: independent of the step.
    package struct Context {
        fileprivate let texts: [KeysAndValues]
        fileprivate let bias: Tensor
    }

    /// Prepares the embedding of a text, f32 `[rows, text_dim]` without padding.
    ///
    /// The reference pads with zero rows to `text_len` and attends to all of them. Those rows become identical keys and
    /// values, so one row stands for all, its logit raised by the logarithm of their number.
    package func context(_ embedding: Tensor, probe: Probe? = nil) throws(ComputeError) -> Context {
        let rows = embedding.shape[0]
        let padding = config.textLen - rows
        precondition(padding >= 0, "\(rows) text rows, at most \(config.textLen)")
        let kept = rows + min(padding, 1)
        let padded = try device.backend.allocate([kept, config.textDim], .f32)
        try device.backend.copy(embedding, into: padded[0..<rows])
        var bias = [Float](repeating: 0, count: kept)
        if padding > 0 {
            try device.backend.zero(padded[rows..<kept])
            bias[rows] = logf(Float(padding))
        }
        let text = try conditionEmbedder.text(padded)
        try probe?("context", text)
        var texts: [KeysAndValues] = []
        for block in blocks { texts.append(try block.textKeysAndValues(text)) }
        return Context(texts: texts, bias: try device.backend.upload(bias, [kept]))
    }

    /// What the blocks need to know of a latent grid: independent of step and text.
    package struct Grid {
        fileprivate let rotary: RotaryTable
        fileprivate let coordinates: Tensor?
        fileprivate let frame: Int
    }

    /// - Parameter latents: shape `[C, T, H, W]`.
    package func grid(_ latents: Shape) throws(ComputeError) -> Grid {
        let (time, height, width) = (latents[1], latents[2], latents[3])
        let patch = config.patch
        let table = try rotary.table(
            time: time / patch.time, height: height / patch.height, width: width / patch.width, on: device.backend)
        let coordinates = try config.coordinateFeatures.map { (features) throws(ComputeError) in
            try CoordinateChannels(features: features).tensor(
                time: time, height: height, width: width, on: device.backend)
        }
        return Grid(
            rotary: table, coordinates: coordinates, frame: height / patch.height * (width / patch.width))
    }

    /// What the blocks and the head need to know of timesteps, one row each.
    package struct Times {
        fileprivate let embeddings: Tensor  // [steps, 1, dim]
        fileprivate let projections: Tensor  // [steps, 6, dim]

        /// Those of one timestep.
        package subscript(_ step: Int) -> Time {
            Time(embedding: embeddings[step], projection: projections[step])
        }
    }

    /// One row of `Times`.
    package struct Time {
        fileprivate let embedding: Tensor  // [1, dim]
        fileprivate let projection: Tensor  // [6, dim]

        fileprivate init(embedding: Tensor, projection: Tensor) {
            self.embedding = embedding
            self.projection = projection
        }

        /// - Parameter tensors: as those of a step, or copies of them.
        package init(_ tensors: [Tensor]) { self.init(embedding: tensors[0], projection: tensors[1]) }

        /// What a step brings to a pass, to be laid where a recording finds it.
        package var tensors: [Tensor] { [embedding, projection] }
    }

    /// Prepares all timesteps of a run at once, so that the weights of the embedder are read once.
    package func times(_ timesteps: [Float]) throws(ComputeError) -> Times {
        let (embeddings, projections) = try conditionEmbedder.times(timesteps)
        let count = timesteps.count
        return Times(
            embeddings: embeddings.reshaped([count, 1, config.dim]),
            projections: projections.reshaped([count, 6, config.dim]))
    }

    /// Writes the velocity f32 `[C, T, H, W]` of latents f32 `[C, T, H, W]`.
    package func callAsFunction(
        _ latents: Tensor, time: Time, context: Context, grid: Grid, probe: Probe? = nil, into velocity: Tensor
    ) throws(ComputeError) {
        let tokens = grid.rotary.cosine.shape[0]
        let x = try patchEmbedding(patches(latents, grid, tokens: tokens), as: .f32)
        try probe?("patches", x)
        try probe?("temb", time.embedding)
        for (index, block) in blocks.enumerated() {
            try block(
                x, time: time.projection, text: context.texts[index], textBias: context.bias, rotary: grid.rotary,
                groups: groups(block: index, grid: grid))
            try probe?("block.\(twoDigits(index))", x)
        }
        let m = try device.backend.allocate(modulation.shape, .f32)
        for row in 0..<2 {
            try device.backend.combine(
                [(1, modulation[row]), (1, time.embedding.reshaped([config.dim]))], into: m[row])
        }
        let y = try projOut(normOut(x, gain: m[1], offset: m[0]), as: .f32)
        try device.backend.unpatchify(y, patch: config.patch, into: velocity)
    }

    private func patches(_ latents: Tensor, _ grid: Grid, tokens: Int) throws(ComputeError) -> Tensor {
        let patches = try device.allocate([tokens, config.inChannels * config.patch.volume])
        guard let coordinates = grid.coordinates else {
            try device.backend.patchify(latents, patch: config.patch, into: patches)
            return patches
        }
        let joined = try device.backend.allocate(
            Shape([config.inChannels] + latents.shape.dims.dropFirst()), .f32)
        try device.backend.copy(latents, into: joined[0..<config.outChannels])
        try device.backend.copy(coordinates, into: joined[config.outChannels..<config.inChannels])
        try device.backend.patchify(joined, patch: config.patch, into: patches)
        return patches
    }

    private func groups(block: Int, grid: Grid) -> TokenGroups {
        switch config.attention {
        case .full: .all
        case .factorized: block % 2 == 0 ? .consecutive(length: grid.frame) : .strided(stride: grid.frame)
        }
    }
}

/// Embeds the timestep and the text (`condition_embedder`).
struct WanConditionEmbedder {
    private let device: Device
    private let config: WanTransformerConfig
    private let timeEmbedder: TimestepEmbedding
    private let timeProj: Linear
    private let textLinear1: Linear
    private let textLinear2: Linear

    init(_ w: WeightScope, _ config: WanTransformerConfig, on device: Device) throws {
        self.device = device
        self.config = config
        let dim = config.dim
        timeEmbedder = try TimestepEmbedding(w["time_embedder"], frequencies: config.freqDim, out: dim, on: device)
        timeProj = try Linear(w["time_proj"], in: dim, out: 6 * dim, on: device)
        textLinear1 = try Linear(w["text_embedder"]["linear_1"], in: config.textDim, out: dim, on: device)
        textLinear2 = try Linear(w["text_embedder"]["linear_2"], in: dim, out: dim, on: device)
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
}

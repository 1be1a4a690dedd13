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
    private let blocks: Blocks<WanBlock>
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
        blocks = try Blocks(w["blocks"], count: config.numLayers, on: device) { (w, _) in
            try WanBlock(w, config, on: device)
        }
        normOut = LayerNorm(eps: config.eps, on: device)
        projOut = try Linear(w["proj_out"], in: config.dim, out: config.outChannels * patch.volume, on: device)
        modulation = try modulationTable(w, rows: 2, dim: config.dim, scaleRows: [1], on: device.backend)
        rotary = RotaryEmbedding(headDim: config.attentionHeadDim)
    }

    /// Whether a pass may be taken down to be repeated.
    package var isRepeatable: Bool { !blocks.areMoving }

    /// What the blocks need to know of pictures beside the input: independent of step and text.
    package struct Pictures {
        fileprivate let keysAndValues: [KeysAndValues?]
    }

    /// - Parameter states: of the image encoder, f32 `[tokens, image_dim]`, of all pictures; the model must read them.
    package func pictures(_ states: Tensor, probe: Probe? = nil) throws(ComputeError) -> Pictures {
        guard let tokens = try conditionEmbedder.pictures(states) else {
            preconditionFailure("a model without image_dim reads no states")
        }
        try probe?("image", tokens)
        var all: [KeysAndValues?] = []
        try blocks.inTurn { (_, block) throws(ComputeError) in
            all.append(try block.pictureKeysAndValues(tokens))
        }
        return Pictures(keysAndValues: all)
    }

    /// What the blocks need to know of a text and pictures: independent of the step.
    package struct Context {
        fileprivate let blocks: [WanBlock.Context]
    }

    /// Prepares the embedding of a text, f32 `[rows, text_dim]` without padding.
    ///
    /// The reference pads with zero rows to `text_len` and attends to all of them. Those rows become identical keys and
    /// values, so one row stands for all, its logit raised by the logarithm of their number.
    package func context(
        _ embedding: Tensor, pictures: Pictures? = nil, probe: Probe? = nil
    ) throws(ComputeError) -> Context {
        let rows = embedding.shape[0]
        let padding = config.textLen - rows
        precondition(padding >= 0, "\(rows) text rows, at most \(config.textLen)")
        let kept = config.contextRows(words: rows)
        let padded = try device.backend.allocate([kept, config.textDim], .f32)
        try device.backend.copy(embedding, into: padded[0..<rows])
        var bias = [Float](repeating: 0, count: kept)
        if padding > 0 {
            try device.backend.zero(padded[rows..<kept])
            bias[rows] = logf(Float(padding))
        }
        let text = try conditionEmbedder.text(padded)
        try probe?("context", text)
        let textBias = try device.backend.upload(bias, [kept])
        var contexts: [WanBlock.Context] = []
        try blocks.inTurn { (index, block) throws(ComputeError) in
            contexts.append(
                WanBlock.Context(
                    text: try block.textKeysAndValues(text), textBias: textBias,
                    pictures: pictures?.keysAndValues[index]))
        }
        return Context(blocks: contexts)
    }

    /// What the blocks need to know of a latent grid: independent of step and text.
    package struct Grid {
        fileprivate let rotary: RotaryTable
        fileprivate let coordinates: Tensor?
        fileprivate let frame: Int
        /// Tokens that share one time.
        fileprivate let runs: RowRuns
    }

    /// - Parameters:
    ///   - latents: shape `[C, T, H, W]`.
    ///   - heldFrames: how many latent frames at the beginning are no noise and are told timestep 0.
    package func grid(_ latents: Shape, heldFrames: Int = 0) throws(ComputeError) -> Grid {
        let (time, height, width) = (latents[1], latents[2], latents[3])
        let (patch, frame) = (config.patch, config.grid(latents).frame)
        let table = try rotary.table(
            time: time / patch.time, height: height / patch.height, width: width / patch.width, on: device.backend)
        let coordinates = try config.coordinateFeatures.map { (features) throws(ComputeError) in
            try CoordinateChannels(features: features).tensor(
                time: time, height: height, width: width, on: device.backend)
        }
        let held = heldFrames / patch.time * frame
        return Grid(
            rotary: table, coordinates: coordinates, frame: frame,
            runs: held > 0 ? .lengths([held, table.cosine.shape[0] - held]) : .even)
    }

    /// What the blocks and the head need to know of timesteps, a row each for every run of tokens.
    package struct Times {
        fileprivate let embeddings: Tensor  // [steps, runs, dim]
        fileprivate let projections: Tensor  // [steps, runs, 6, dim]

        /// Those of one timestep.
        package subscript(_ step: Int) -> Time {
            Time(embedding: embeddings[step], projection: projections[step])
        }
    }

    /// Those of one timestep.
    package struct Time {
        fileprivate let embedding: Tensor  // [runs, dim]
        fileprivate let projection: Tensor  // [runs, 6, dim]

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
    ///
    /// - Parameter holdsFrames: whether there are tokens that are told timestep 0 at every step.
    package func times(_ timesteps: [Float], holdsFrames: Bool = false) throws(ComputeError) -> Times {
        let runs = holdsFrames ? 2 : 1
        let (embeddings, projections) = try conditionEmbedder.times(
            holdsFrames ? timesteps.flatMap { [0, $0] } : timesteps)
        let count = timesteps.count
        return Times(
            embeddings: embeddings.reshaped([count, runs, config.dim]),
            projections: projections.reshaped([count, runs, 6, config.dim]))
    }

    /// Writes the velocity f32 `[C, T, H, W]` of latents f32 `[C, T, H, W]`, behind which a model for pictures has the
    /// channels of its condition.
    ///
    /// - Parameter factorized: what takes the place of full attention.
    package func callAsFunction(
        _ latents: Tensor, time: Time, context: Context, grid: Grid,
        factorized: FactorizedAttention.Step? = nil, probe: Probe? = nil, into velocity: Tensor
    ) throws(ComputeError) {
        let tokens = grid.rotary.cosine.shape[0]
        let x = try patchEmbedding(patches(latents, grid, tokens: tokens), as: .f32)
        try probe?("patches", x)
        let runs = time.embedding.shape[0]
        try probe?("temb", time.embedding[runs - 1..<runs])
        if runs > 1 { try probe?("held_temb", time.embedding[0..<1]) }
        try blocks.inTurn { (index, block) throws(ComputeError) in
            try block(
                x, time: time.projection, runs: grid.runs, context: context.blocks[index], rotary: grid.rotary,
                groups: groups(block: index, grid: grid),
                factorized: factorized?.layer(index, of: blocks.count))
            try probe?("block.\(twoDigits(index))", x)
        }
        // The head adds the embedding itself to both rows.
        let m = try device.backend.allocate([2, runs, config.dim], .f32)
        for row in 0..<2 {
            for run in 0..<runs {
                try device.backend.combine([(1, modulation[row]), (1, time.embedding[run])], into: m[row][run])
            }
        }
        let y = try projOut(normOut(x, gain: m[1], offset: m[0], runs: grid.runs), as: .f32)
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

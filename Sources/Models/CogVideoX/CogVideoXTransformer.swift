package import Compute
package import Layers
package import Weights

/// The denoiser of CogVideoX 1.0 and 1.5, with text and video in one sequence.
///
/// arXiv:2408.06072; follows CogVideoXTransformer3DModel of Diffusers 0.42.1. Latents are `[T, C, H, W]`, as there.
package struct CogVideoXTransformer {
    package let config: CogVideoXTransformerConfig
    private let device: Device
    private let patchProj: Linear
    private let textProj: Linear
    /// f32 `[text + video, dim]`, for clips of the trained length.
    private let learnedPositions: Tensor?
    private let timeEmbedding: TimestepEmbedding
    private let ofsEmbedding: TimestepEmbedding?
    private let blocks: Blocks<CogVideoXBlock>
    private let normFinal: LayerNorm
    private let normOut: LayerNorm
    private let normOutLinear: Linear
    private let normOutAffine: ModulatedAffine
    private let projOut: Linear

    package init(_ w: WeightScope, _ config: CogVideoXTransformerConfig, on device: Device) throws {
        self.config = config
        self.device = device
        let (dim, backend) = (config.dim, device.backend)
        patchProj = try Self.patchProj(w["patch_embed"]["proj"], config, on: device)
        textProj = try Linear(w["patch_embed"]["text_proj"], in: config.textEmbedDim, out: dim, on: device)
        if config.useLearnedPositionalEmbeddings {
            let tokens =
                config.sampleLatentFrames * (config.sampleHeight / config.patchSize)
                * (config.sampleWidth / config.patchSize)
            let shape = [1, config.maxTextSeqLength + tokens, dim]
            learnedPositions = try backend.vector(
                w["patch_embed"].tensor("pos_embedding", shape).reshaped(Shape(Array(shape.dropFirst()))))
        } else {
            learnedPositions = nil
        }
        timeEmbedding = try TimestepEmbedding(
            w["time_embedding"], frequencies: dim, out: config.timeEmbedDim, cosineFirst: config.flipSinToCos,
            shift: config.freqShift, on: device)
        ofsEmbedding =
            config.ofsEmbedDim == 0
            ? nil
            : try TimestepEmbedding(
                w["ofs_embedding"], frequencies: config.ofsEmbedDim, out: config.ofsEmbedDim,
                cosineFirst: config.flipSinToCos, shift: config.freqShift, on: device)
        blocks = try Blocks(w["transformer_blocks"], count: config.numLayers, on: device) { (w, _) in
            try CogVideoXBlock(w, config, on: device)
        }
        normFinal = try LayerNorm(w["norm_final"], dim: dim, eps: config.normEps, on: device.f32)
        normOut = LayerNorm(eps: config.normEps, on: device)
        normOutLinear = try Linear(w["norm_out"]["linear"], in: config.timeEmbedDim, out: 2 * dim, on: device)
        normOutAffine = try ModulatedAffine(w["norm_out"]["norm"], dim: dim, on: backend)
        projOut = try Self.projOut(w["proj_out"], config, on: device)
    }

    /// Columns are stored as (c, pt, ph, pw) where patches have a length in time; frames of a patch are seen as further
    /// channels here: (pt, c, ph, pw).
    private static func patchProj(
        _ w: WeightScope, _ config: CogVideoXTransformerConfig, on device: Device
    ) throws -> Linear {
        let (area, time) = (config.patchSize * config.patchSize, config.patchTime)
        let width = config.inChannels * time * area
        let shape =
            config.patchSizeT == nil
            ? [config.dim, config.inChannels, config.patchSize, config.patchSize] : [config.dim, width]
        let stored = try w.tensor("weight", shape).dense(on: device.backend)
        let weight = stored.reshaped([config.dim, config.inChannels, time, area]).transposed(1, 2)
        return try Linear(
            weight: weight.reshaped([config.dim, width]),
            bias: config.hasPatchBias ? w.tensor("bias", [config.dim]) : nil, on: device)
    }

    /// Rows are stored as (c, pt, ph, pw), and wanted as (ph, pw, pt, c).
    private static func projOut(
        _ w: WeightScope, _ config: CogVideoXTransformerConfig, on device: Device
    ) throws -> Linear {
        let (area, time, channels) = (config.patchSize * config.patchSize, config.patchTime, config.outChannels)
        let rows = channels * time * area
        let turned = { (x: StoredTensor, width: Int) in
            try x.dense(on: device.backend).reshaped([channels, time, area, width])
                .transposed(0, 2).reshaped([rows, width])
        }
        return try Linear(
            weight: turned(w.tensor("weight", [rows, config.dim]), config.dim),
            bias: turned(w.tensor("bias", [rows]), 1).reshaped([rows]), on: device)
    }

    /// The rows of a text, f32 `[max_text_seq_length, dim]`: independent of the step.
    ///
    /// - Parameter embedding: f32 `[max_text_seq_length, text_embed_dim]`, of the padding too.
    package func context(_ embedding: Tensor, probe: Probe? = nil) throws(ComputeError) -> Tensor {
        precondition(embedding.shape[0] == config.maxTextSeqLength, "text \(embedding.shape)")
        let text = try textProj(device.cast(embedding), as: .f32)
        try probe?("context", text)
        return text
    }

    /// Whether a pass may be taken down to be repeated.
    package var isRepeatable: Bool { !blocks.areMoving }

    /// What the blocks need to know of a latent grid: independent of step and text.
    package struct Grid {
        let text: Int
        let video: Int
        let rotary: RotaryTable?
        /// f32 `[text + video, dim]` or `[video, dim]`.
        let positions: Tensor?
    }

    /// - Parameter latents: shape `[T, C, H, W]`.
    package func grid(_ latents: Shape) throws(ComputeError) -> Grid {
        let positions = CogVideoXPositions(
            config: config, time: latents[0] / config.patchTime, height: latents[2] / config.patchSize,
            width: latents[3] / config.patchSize)
        let tokens = positions.time * positions.height * positions.width
        let added: Tensor?
        if !config.useRotaryPositionalEmbeddings {
            added = try positions.sinusoids(on: device.backend)
        } else if let learnedPositions {
            // Clips of another length than the trained one get sinusoids, as in the reference.
            added =
                (latents[0] - 1) * config.temporalCompressionRatio + 1 == config.sampleFrames
                ? learnedPositions : try positions.sinusoids(on: device.backend)
        } else {
            added = nil
        }
        return Grid(
            text: config.maxTextSeqLength, video: tokens,
            rotary: config.useRotaryPositionalEmbeddings ? try positions.rotary(on: device.backend) : nil,
            positions: added)
    }

    /// Embeddings of timesteps, f32 `[timesteps, time_embed_dim]`.
    package func times(_ timesteps: [Float]) throws(ComputeError) -> Tensor {
        let embeddings = try timeEmbedding(timesteps)
        guard let ofsEmbedding else { return embeddings }
        let offset = try ofsEmbedding([CogVideoXTransformerConfig.offset])
        for row in timesteps.indices {
            try device.backend.combine(
                [(1, embeddings[row]), (1, offset[0])], into: embeddings[row])
        }
        return embeddings
    }

    /// What one timestep makes of all norms and gates: the same for every text.
    package struct Modulation {
        let blocks: Tensor  // [blocks, 2, 6, dim]
        let head: Tensor  // [2, dim]: gain, offset

        package var tensors: [Tensor] { [blocks, head] }

        package init(_ tensors: [Tensor]) {
            blocks = tensors[0]
            head = tensors[1]
        }
    }

    /// - Parameter time: f32 `[1, time_embed_dim]`.
    package func modulation(_ time: Tensor) throws(ComputeError) -> Modulation {
        let activated = try device.allocate(time.shape)
        try device.backend.silu(time, into: activated)
        let all = try device.backend.allocate([blocks.count, 2, 6, config.dim], .f32)
        try blocks.inTurn { (index, block) throws(ComputeError) in
            try block.modulation(activated, into: all[index])
        }
        let head = try device.backend.allocate([2, config.dim], .f32)
        let m = try normOutLinear(activated, as: .f32).reshaped([2, config.dim])
        try normOutAffine.gain(scale: m[1], into: head[0])
        try normOutAffine.offset(scale: m[1], shift: m[0], into: head[1])
        return Modulation([all, head])
    }

    /// Writes the prediction f32 `[T, C, H, W]` for latents f32 `[T, in_channels, H, W]`.
    ///
    /// - Parameter factorized: what takes the place of full attention.
    package func callAsFunction(
        _ latents: Tensor, modulation: Modulation, context: Tensor, grid: Grid,
        factorized: FactorizedAttention.Step? = nil, probe: Probe? = nil, into prediction: Tensor
    ) throws(ComputeError) {
        let (text, rows) = (grid.text, grid.text + grid.video)
        let x = try device.backend.allocate([rows, config.dim], .f32)
        try device.backend.copy(context, into: x[0..<text])
        try patchProj(patches(latents, grid), .none, into: x[text..<rows])
        if let positions = grid.positions {
            let target = x[rows - positions.shape[0]..<rows]
            try device.backend.combine([(1, target), (1, positions)], into: target)
        }
        try probe?("embeds", x)
        try blocks.inTurn { (index, block) throws(ComputeError) in
            try block(
                x, modulation: modulation.blocks[index], text: text, rotary: grid.rotary,
                factorized: factorized?.layer(index, of: blocks.count))
            try probe?("block.\(twoDigits(index))", x)
        }
        let y = try normOut(normFinal(x[text..<rows]), gain: modulation.head[0], offset: modulation.head[1])
        try unpatch(projOut(y, as: .f32), into: prediction)
    }

    private var patch: PatchSize { PatchSize(time: 1, height: config.patchSize, width: config.patchSize) }

    /// Each group of frames that patches span is one frame with as many times the channels.
    private func groups(_ latents: Tensor) -> [Tensor] {
        let (time, shape) = (config.patchTime, latents.shape)
        return (0..<shape[0] / time).map {
            latents[$0 * time..<($0 + 1) * time].reshaped([time * shape[1], 1, shape[2], shape[3]])
        }
    }

    private func patches(_ latents: Tensor, _ grid: Grid) throws(ComputeError) -> Tensor {
        let groups = groups(latents)
        let out = try device.allocate([grid.video, groups[0].shape[0] * patch.volume])
        let length = grid.video / groups.count
        for (index, group) in groups.enumerated() {
            try device.backend.patchify(group, patch: patch, into: out[index * length..<(index + 1) * length])
        }
        return out
    }

    private func unpatch(_ rows: Tensor, into prediction: Tensor) throws(ComputeError) {
        let groups = groups(prediction)
        let length = rows.shape[0] / groups.count
        for (index, group) in groups.enumerated() {
            try device.backend.unpatchify(rows[index * length..<(index + 1) * length], patch: patch, into: group)
        }
    }
}

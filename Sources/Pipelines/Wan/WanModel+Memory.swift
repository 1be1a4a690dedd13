import Compute
import Layers
import Models
import VideoTypes

extension WanModel {
    func memory(_ settings: VideoSettings, on device: DeviceProfile) -> MemoryEstimate {
        let networks = components.sizes(on: device)
        let experts = networks.experts(with: settings.adapters)
        var (readers, shown, tower) = ([networks.textEncoder], 0, 0)
        if !shownFrames(settings).isEmpty {
            tower = components.imageEncoder == nil ? 0 : 1
            readers += [networks.imageEncoder, networks.encoder]
            shown = 4 * components.transformer.inChannels * latentShape(settings).dims.dropFirst().reduce(1, *)
        }
        let plan = plan(settings)
        let texts = texts(settings).count
        return MemoryNeeds(
            readers: readers, experts: experts, decoder: networks.decoder,
            ahead: settings.adapters.isEmpty ? networks.ready : 0,
            work: [
                .text: shown > 0 ? pictureMemory(settings, device.dtype) : 0,
                .denoise: denoiseMemory(settings, device.dtype) + 2 * shown + matrixMemory(device),
                .decode: decodeMemory(latentShape(settings), settings.tilesVAE, device.dtype),
            ],
            rounds: [.text: texts, .denoise: plan.runs.count * (texts + tower) + plan.stepCount * texts]
        ).estimate(on: device)
    }

    /// Where weights are copied, a quantised matrix becomes one of the activations' dtype for its product.
    private func matrixMemory(_ device: DeviceProfile) -> Int {
        guard device.copiesWeights, components.hasQuantisedTransformer else { return 0 }
        let config = components.transformer
        return config.dim * max(config.ffnDim, config.dim) * device.dtype.byteWidth
    }

    /// What a pass holds at its peak, and what is there from the first step to the last.
    ///
    /// The residual stream and a turned table in f32; the norm's output, queries, keys, values, the attended rows or
    /// the feed-forward's hidden rows in the activations' dtype; latents with the solver's history. Keys and values of
    /// texts and pictures in each block, and what all steps are told of their times.
    private func denoiseMemory(_ settings: VideoSettings, _ dtype: DType) -> Int {
        let latents = latentShape(settings)
        let config = components.transformer
        let grid = config.grid(latents)
        let tokens = grid.frame * grid.frames
        let wide = dtype.byteWidth * (max(4 * config.dim, config.ffnDim) + config.dim)
        let told = texts(settings).reduce(pictureTokens(settings)) { $0 + config.contextRows(words: $1) }
        return tokens * (4 * (config.dim + config.attentionHeadDim) + wide) + 8 * latents.count * 4
            + told * 2 * config.dim * config.numLayers * dtype.byteWidth
            + settings.sampling.steps * 7 * config.dim * 4
            + FactorizedAttention.bytes(
                settings, rows: tokens, heads: config.numAttentionHeads, width: config.dim, dtype)
    }

    private func decodeMemory(_ latents: Shape, _ isTiled: Bool, _ dtype: DType) -> Int {
        let vae = components.vae
        let (height, width) = (latents[2], latents[3])
        guard isTiled else { return Self.decodeMemory(height: height, width: width, frames: latents[1], vae, dtype) }
        let tiling = vae.tiling
        let (rows, columns) = (min(height, tiling.rows.tile), min(width, tiling.columns.tile))
        let frames = (latents[1] - 1) * vae.scaleFactorTemporal + 1
        let scale = vae.scaleFactorSpatial
        // The finished clip waits in 8 bits and one tile in f32.
        return Self.decodeMemory(height: rows, width: columns, frames: latents[1], vae, dtype)
            + frames * scale * scale * 3 * (height * width + 8 * rows * columns)
    }

    /// Each causal convolution keeps two frames, of a single latent frame one.
    ///
    /// Of the largest stage a frame and what it becomes are there in f32 and the next input of a convolution; half a
    /// frame waits. Residual shortcuts keep the frame before and all that it becomes.
    private static func decodeMemory(
        height: Int, width: Int, frames: Int, _ config: WanVAEConfig, _ dtype: DType
    ) -> Int {
        let dims = config.decoderDims
        var windows = height * width * (config.zDim + 4 * dims[0])
        var largest = 0
        var positions = height * width
        for index in config.dimMult.indices {
            let dim = dims[index + 1]
            windows += positions * dim * 2 * (config.numResBlocks + 1)
            if config.doublesFrames(upBlock: index) == true { windows += positions * dim }
            largest = max(largest, positions * dim)
            if config.doublesFrames(upBlock: index) != nil { positions *= 4 }
        }
        // The last one keeps sums for its few results.
        let last = positions * min(dims[dims.count - 1] * dtype.byteWidth, config.outChannels * 4)
        let wide = config.isResidual ? 6 * 4 : 3 * 4 + 2
        return windows * min(2, frames) * dtype.byteWidth + 2 * last + largest * wide
    }

    /// What encoding pictures takes.
    ///
    /// The stills wait in f32. Each causal convolution keeps two frames of its input, where frames are halved two
    /// more; of the largest level there are the stream and what a wider block makes of it (f32), what is between two
    /// convolutions where that is not itself an input, and the input of one. Of a picture alone one frame is kept,
    /// which is that input.
    private func pictureMemory(_ settings: VideoSettings, _ dtype: DType) -> Int {
        let vae = components.vae
        var positions = settings.clip.width * settings.clip.height / (vae.patchSize * vae.patchSize)
        let stills = shownFrames(settings)
        let frames = stills.reduce(0) { $0 + $1.count }
        if vae.encoder == .linear {
            // The stills, the frames that they fill, and those in patches.
            let filled = (1 + (frames - 1) / vae.scaleFactorTemporal) * vae.scaleFactorTemporal
            return 3 * settings.clip.width * settings.clip.height * 4 * (stills.count + 2 * filled)
        }
        let kept = min(2, frames)
        let between = dtype == .f32 ? 0 : DType.f32.byteWidth
        let current = frames > 1 ? dtype.byteWidth : 0
        let given = positions * vae.inChannels * 4 * stills.count
        var (windows, largest) = (positions * vae.inChannels * min(3, frames), 0)
        for index in vae.dimMult.indices {
            let (input, output) = (vae.encoderDims[index], vae.encoderDims[index + 1])
            windows += positions * kept * (input + (2 * vae.numResBlocks - 1) * output)
            let wider = input == output ? 0 : DType.f32.byteWidth
            largest = max(largest, positions * (input * 4 + output * (wider + between + current)))
            if vae.halvesFrames(level: index) != nil { positions /= 4 }
            // Kept for frames that repeat, and for the next one.
            windows += positions * output * kept * (vae.halvesFrames(level: index) == true ? 3 : 1)
        }
        windows += positions * kept * 5 * vae.encoderDims[vae.dimMult.count]
        return given + windows * dtype.byteWidth + largest
    }
}

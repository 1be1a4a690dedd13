import Compute
import Layers
import Models
import Sampling
import VideoTypes

extension CogVideoXModel {
    func work(_ settings: VideoSettings, on device: DeviceProfile) -> WorkEstimate {
        let texts = Guidance.isNeeded(settings) ? 2 : 1
        var reading = ArithmeticCount()
        for _ in 0..<texts { reading.text(tokenLimit, components.textEncoder) }
        if components.index.takesPicture {
            reading.add(
                CogVideoXDecoderWork(config: components.vae).picture(
                    height: settings.clip.height, width: settings.clip.width))
        }
        return WorkEstimate(
            tokens: tokens(settings), passes: settings.sampling.steps * texts,
            decodedPixels: settings.clip.frames * settings.clip.width * settings.clip.height,
            flops: [
                .text: reading.total, .denoise: denoiseWork(settings, texts: texts).total,
                .decode: decodeWork(settings).total,
            ],
            peakBytes: memory(settings, on: device).peaks)
    }

    /// Those of the video; those of the text come on top.
    private func tokens(_ settings: VideoSettings) -> Int {
        let latents = latentShape(settings)
        return latents[0] / components.transformer.patchTime * frame(latents)
    }

    private func frame(_ latents: Shape) -> Int {
        latents[2] / components.transformer.patchSize * (latents[3] / components.transformer.patchSize)
    }

    /// Nil where settings ask for full attention.
    func factorized(_ settings: VideoSettings) -> FactorizedAttention? {
        let latents = latentShape(settings)
        return FactorizedAttention(
            settings, text: tokenLimit, frame: frame(latents), frames: latents[0] / components.transformer.patchTime)
    }

    private func denoiseWork(_ settings: VideoSettings, texts: Int) -> ArithmeticCount {
        let config = components.transformer
        let (dim, time, steps) = (config.dim, config.timeEmbedDim, settings.sampling.steps)
        var count = ArithmeticCount()
        count.linear(steps, dim, time)
        count.linear(steps, time, time)
        count.linear(1, config.ofsEmbedDim, config.ofsEmbedDim, times: 2)
        count.linear(steps, time, 6 * dim, times: 2 * config.numLayers)
        count.linear(steps, time, 2 * dim)
        count.linear(tokenLimit, config.textEmbedDim, dim, times: texts)
        let factorized = factorized(settings)
        for step in 0..<steps { count.add(pass(settings, factorized?.step(step, of: steps)), times: texts) }
        return count
    }

    private func pass(_ settings: VideoSettings, _ factorized: FactorizedAttention.Step?) -> ArithmeticCount {
        let config = components.transformer
        let (dim, video) = (config.dim, tokens(settings))
        let (rows, patch) = (tokenLimit + video, config.patchTime * config.patchSize * config.patchSize)
        var count = ArithmeticCount()
        count.linear(video, config.inChannels * patch, dim)
        count.linear(rows, dim, dim, times: 4 * config.numLayers)
        for block in 0..<config.numLayers {
            let layer = factorized?.layer(block, of: config.numLayers)
            count.attention(pairs: layer?.pairs ?? rows * rows, width: dim)
        }
        count.linear(rows, dim, 4 * dim, times: 2 * config.numLayers)
        count.linear(video, dim, config.outChannels * patch)
        return count
    }

    private func decodeWork(_ settings: VideoSettings) -> ArithmeticCount {
        let (frames, shape) = (latentFrames(settings), latentShape(settings))
        let work = CogVideoXDecoderWork(config: components.vae)
        let tiling = components.vae.tiling
        guard settings.tilesVAE, tiling.isNeeded(height: shape[2], width: shape[3]) else {
            return work.clip(frames: frames, height: shape[2], width: shape[3])
        }
        var count = ArithmeticCount()
        for rows in tiling.rows.ranges(shape[2]) {
            for columns in tiling.columns.ranges(shape[3]) {
                count.add(work.clip(frames: frames, height: rows.count, width: columns.count))
            }
        }
        return count
    }

    func memory(_ settings: VideoSettings, on device: DeviceProfile) -> MemoryEstimate {
        let (shape, vae) = (latentShape(settings), components.vae)
        let networks = components.sizes(on: device)
        let takesPicture = components.index.takesPicture
        let picture =
            takesPicture ? Self.chunkMemory(latents: 1, height: shape[2], width: shape[3], vae, device.dtype) : 0
        let texts = Guidance.isNeeded(settings) ? 2 : 1
        return MemoryNeeds(
            readers: [networks.textEncoder] + (takesPicture ? [networks.encoder] : []),
            experts: settings.adapters.isEmpty ? networks.transformers : networks.adaptedTransformers,
            decoder: networks.decoder,
            work: [
                .text: picture, .denoise: denoiseMemory(settings, device.dtype),
                .decode: decodeMemory(settings, device.dtype),
            ],
            // A step asks all blocks for their modulation first.
            rounds: [.text: texts, .denoise: settings.sampling.steps * (texts + 1)]
        ).estimate(on: device)
    }

    /// What a pass holds at its peak, and what is there beside it.
    ///
    /// The residual stream, added positions and turned tables in f32; the norm's output, queries, keys, values and the
    /// attended rows or the feed-forward's hidden rows in the activations' dtype; latents with condition and history.
    /// What a step makes of all norms and gates is there for the step and for each of its passes.
    private func denoiseMemory(_ settings: VideoSettings, _ dtype: DType) -> Int {
        let config = components.transformer
        let rows = tokenLimit + tokens(settings)
        let isAdded = config.useLearnedPositionalEmbeddings || !config.useRotaryPositionalEmbeddings
        let wide = 4 * (config.dim * (isAdded ? 2 : 1) + config.attentionHeadDim) + dtype.byteWidth * 5 * config.dim
        let texts = Guidance.isNeeded(settings) ? 2 : 1
        return rows * wide + 8 * latentShape(settings).count * 4
            + (texts + 1) * config.numLayers * 12 * config.dim * 4 + texts * tokenLimit * config.dim * 4
            + FactorizedAttention.bytes(
                settings, rows: rows, heads: config.numAttentionHeads, width: config.dim, dtype)
    }

    private func decodeMemory(_ settings: VideoSettings, _ dtype: DType) -> Int {
        let (vae, shape) = (components.vae, latentShape(settings))
        let chunk = CogVideoXVAEDecoder.chunks(latentFrames(settings)).map(\.count).max() ?? 1
        guard settings.tilesVAE else {
            return Self.chunkMemory(latents: chunk, height: shape[2], width: shape[3], vae, dtype)
        }
        let (rows, columns) = (min(shape[2], vae.tiling.rows.tile), min(shape[3], vae.tiling.columns.tile))
        // The finished clip waits in 8 bits and one tile in f32.
        return Self.chunkMemory(latents: chunk, height: rows, width: columns, vae, dtype)
            + (settings.clip.frames + 3) * vae.spatialFactor * vae.spatialFactor * 3
            * (shape[2] * shape[3] + 8 * rows * columns)
    }

    /// Of the largest block a chunk's frames in f32, the input of a convolution and its result in f32.
    ///
    /// Where the channels change, the sum is there too, but the input in place. Each causal convolution keeps two
    /// frames.
    private static func chunkMemory(
        latents: Int, height: Int, width: Int, _ config: CogVideoXVAEConfig, _ dtype: DType
    ) -> Int {
        let dims = Array(config.blockOutChannels.reversed())
        var (positions, frames, largest, kept) = (height * width, latents, 0, 0)
        for index in dims.indices {
            let (input, output) = (dims[max(index - 1, 0)], dims[index])
            let own = input == output || dtype != .f32 ? dtype.byteWidth * input : 0
            largest = max(largest, frames * positions * (4 * input + own + (input == output ? 4 : 8) * output))
            kept += positions * output * 4 * (config.layersPerBlock + 1)
            guard let doublesFrames = config.resamples(index) else { continue }
            positions *= 4
            if doublesFrames, frames > 1 { frames = 2 * frames - frames % 2 }
        }
        return largest + kept * dtype.byteWidth
    }
}

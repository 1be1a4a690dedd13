import Compute
import Layers
import Models
import Sampling
import VideoTypes

extension CogVideoXModel {
    func work(_ settings: VideoSettings, on device: DeviceProfile) -> WorkEstimate {
        WorkEstimate(
            tokens: tokens(settings), passes: settings.sampling.steps * texts(settings),
            decodedPixels: settings.clip.frames * settings.clip.width * settings.clip.height,
            flops: DryRun(self, settings, on: device).flops,
            peakBytes: memory(settings, on: device).peaks)
    }

    /// How many texts are read: the prompt, and the negative prompt where guidance needs it.
    func texts(_ settings: VideoSettings) -> Int { Guidance.isNeeded(settings) ? 2 : 1 }

    /// Those of the video; those of the text come on top.
    func tokens(_ settings: VideoSettings) -> Int {
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

    func memory(_ settings: VideoSettings, on device: DeviceProfile) -> MemoryEstimate {
        let (shape, vae) = (latentShape(settings), components.vae)
        let networks = components.sizes(on: device)
        let takesPicture = components.index.takesPicture
        let picture = takesPicture ? Self.pictureMemory(height: shape[2], width: shape[3], vae, device.dtype) : 0
        let texts = texts(settings)
        return MemoryNeeds(
            readers: [networks.textEncoder] + (takesPicture ? [networks.encoder] : []),
            experts: networks.experts(with: settings.adapters),
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
        let texts = texts(settings)
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

    /// Of the residual block at which most is held of one frame: in f32 what goes through, beside it the input of a
    /// convolution and its result.
    ///
    /// Each causal convolution so far keeps its input, which in f32 has the place of what it was made of.
    private static func pictureMemory(height: Int, width: Int, _ config: CogVideoXVAEConfig, _ dtype: DType) -> Int {
        let dims = config.blockOutChannels
        var positions = height * width * config.spatialFactor * config.spatialFactor
        var (kept, largest) = (positions * 3 * (4 + dtype.byteWidth), 0)
        func add(_ input: Int, _ output: Int) {
            kept += positions * (input + output) * dtype.byteWidth
            let apart = dtype == .f32 ? 0 : (input == output ? 1 : 2) * output
            largest = max(largest, kept + positions * 4 * ((dtype == .f32 ? output : input) + apart))
        }
        for index in dims.indices {
            add(dims[max(index - 1, 0)], dims[index])
            for _ in 1..<config.layersPerBlock { add(dims[index], dims[index]) }
            if config.resamples(index) != nil { positions /= 4 }
        }
        for _ in 0..<CogVideoXVAEEncoder.midLayers { add(dims[dims.count - 1], dims[dims.count - 1]) }
        return largest
    }
}

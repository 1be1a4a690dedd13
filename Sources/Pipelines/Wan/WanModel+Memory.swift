import Compute
import Layers
import Models
import VideoTypes

extension WanModel {
    func memory(_ settings: VideoSettings, on device: DeviceProfile) -> MemoryEstimate {
        let latents = latentShape(settings)
        func bytes(_ component: String) -> Int {
            components.stored.bytes(
                component, dtype: device.dtype, copies: device.copiesWeights,
                isAdapted: component == "transformer" && !settings.adapters.isEmpty)
        }
        var text = MemoryEstimate.Need(weights: bytes("text_encoder"), work: 0)
        var shown = 0
        if !shownFrames(settings).isEmpty {
            // One network after the other: words, pictures to the image encoder and to the autoencoder.
            let weights = max(bytes("text_encoder"), bytes("image_encoder"), bytes("vae"))
            text = .init(weights: weights, work: pictureMemory(settings, device.dtype))
            shown = 4 * components.transformer.inChannels * latents.dims.dropFirst().reduce(1, *)
        }
        return MemoryEstimate([
            .text: text,
            .denoise: .init(
                weights: bytes("transformer"),
                work: denoiseMemory(settings, device.dtype) + 2 * shown + matrixMemory(device)),
            .decode: .init(weights: bytes("vae"), work: decodeMemory(latents, settings.tilesVAE, device.dtype)),
        ])
    }

    /// Where weights are copied, a quantised matrix becomes one of the activations' dtype for its product.
    private func matrixMemory(_ device: DeviceProfile) -> Int {
        guard device.copiesWeights, components.stored.isQuantised("transformer") else { return 0 }
        let config = components.transformer
        return config.dim * max(config.ffnDim, config.dim) * device.dtype.byteWidth
    }

    /// The residual stream and a turned table in f32; the norm's output, queries, keys, values, the attended rows or
    /// the feed-forward's hidden rows in the activations' dtype; latents with the solver's history.
    private func denoiseMemory(_ settings: VideoSettings, _ dtype: DType) -> Int {
        let latents = latentShape(settings)
        let config = components.transformer
        let patch = config.patch
        let tokens = latents[1] * (latents[2] / patch.height) * (latents[3] / patch.width)
        let wide = dtype.byteWidth * (max(4 * config.dim, config.ffnDim) + config.dim)
        return tokens * (4 * (config.dim + config.attentionHeadDim) + wide) + 8 * latents.count * 4
            + FactorizedAttention.bytes(
                settings, rows: tokens, heads: config.numAttentionHeads, width: config.dim, dtype)
    }

    private func decodeMemory(_ latents: Shape, _ isTiled: Bool, _ dtype: DType) -> Int {
        let vae = components.vae
        let (height, width) = (latents[2], latents[3])
        guard isTiled else { return Self.decodeMemory(height: height, width: width, vae, dtype) }
        let tiling = vae.tiling
        let (rows, columns) = (min(height, tiling.rows.tile), min(width, tiling.columns.tile))
        let frames = (latents[1] - 1) * vae.scaleFactorTemporal + 1
        let scale = vae.scaleFactorSpatial
        // The finished clip waits in 8 bits and one tile in f32.
        return Self.decodeMemory(height: rows, width: columns, vae, dtype)
            + frames * scale * scale * 3 * (height * width + 8 * rows * columns)
    }

    /// Each causal convolution keeps two frames.
    ///
    /// Of the largest stage a frame and what it becomes are there in f32 and the next input of a convolution; half a
    /// frame waits. Residual shortcuts keep the frame before and all that it becomes.
    private static func decodeMemory(height: Int, width: Int, _ config: WanVAEConfig, _ dtype: DType) -> Int {
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
        let frames = config.isResidual ? 6 * 4 : 3 * 4 + 2
        return windows * 2 * dtype.byteWidth + 2 * last + largest * frames
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

import Compute
import Models
import VideoTypes

extension WanModel {
    func memory(_ settings: VideoSettings, on device: DeviceProfile) -> MemoryEstimate {
        let latents = latentShape(settings)
        func bytes(_ component: String) -> Int {
            components.stored.bytes(component, dtype: device.dtype, copies: device.copiesWeights)
        }
        return MemoryEstimate([
            .text: .init(weights: bytes("text_encoder"), work: 0),
            .denoise: .init(weights: bytes("transformer"), work: denoiseMemory(latents, device.dtype)),
            .decode: .init(weights: bytes("vae"), work: decodeMemory(latents, settings.tilesVAE, device.dtype)),
        ])
    }

    /// The residual stream and a turned table in f32; the norm's output, queries, keys, values, the attended rows or
    /// the feed-forward's hidden rows in the activations' dtype; latents with the solver's history.
    private func denoiseMemory(_ latents: Shape, _ dtype: DType) -> Int {
        let config = components.transformer
        let patch = config.patch
        let tokens = latents[1] * (latents[2] / patch.height) * (latents[3] / patch.width)
        let wide = dtype.byteWidth * (max(4 * config.dim, config.ffnDim) + config.dim)
        return tokens * (4 * (config.dim + config.attentionHeadDim) + wide) + 8 * latents.count * 4
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
}

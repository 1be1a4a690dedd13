import Compute
import Models
import VideoTypes

/// Bytes that the stages of a request hold at their peak, beside weights used where they lie on disk.
///
/// Counted from the tensors that live at the same time; allocators and small tensors come on top.
struct MemoryEstimate {
    let text: Int
    let denoise: Int
    let decode: Int
    /// Those of denoising and decoding without the weights.
    let denoiseWork: Int
    let decodeWork: Int

    var peak: Int { max(text, denoise, decode) }

    /// Bytes of weights that a backend holds in each stage.
    struct Weights {
        let text: Int
        let transformer: Int
        let decoder: Int

        var largest: Int { max(text, transformer, decoder) }
    }

    /// - Parameter latents: `[C, T, H, W]`.
    init(
        latents: Shape, transformer: WanTransformerConfig, vae: WanVAEConfig, dtype: DType, weights: Weights, tile: Int?
    ) {
        text = weights.text
        denoiseWork = Self.denoise(latents, transformer, dtype)
        denoise = denoiseWork + weights.transformer
        var (height, width) = (latents[2], latents[3])
        if let tile { (height, width) = (min(height, tile), min(width, tile)) }
        let frames = (latents[1] - 1) * vae.scaleFactorTemporal + 1
        let scale = vae.scaleFactorSpatial
        // In tiles, the finished clip waits in 8 bits and one tile in f32.
        let waiting = tile == nil ? 0 : frames * scale * scale * 3 * (latents[2] * latents[3] + 8 * height * width)
        decodeWork = Self.decode(height: height, width: width, vae, dtype) + waiting
        decode = decodeWork + weights.decoder
    }

    /// The residual stream and a turned table in f32; the norm's output, queries, keys, values, the attended rows or
    /// the feed-forward's hidden rows in the activations' dtype; latents with the solver's history.
    private static func denoise(_ latents: Shape, _ config: WanTransformerConfig, _ dtype: DType) -> Int {
        let patch = config.patch
        let tokens = latents[1] * (latents[2] / patch.height) * (latents[3] / patch.width)
        let wide = dtype.byteWidth * (max(4 * config.dim, config.ffnDim) + config.dim)
        return tokens * (4 * (config.dim + config.attentionHeadDim) + wide) + 8 * latents.count * 4
    }

    /// Each causal convolution keeps two frames.
    ///
    /// Of the largest stage a frame and what it becomes are there in f32 and the next input of a convolution; half a
    /// frame waits. Residual shortcuts keep the frame before and all that it becomes.
    private static func decode(height: Int, width: Int, _ config: WanVAEConfig, _ dtype: DType) -> Int {
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

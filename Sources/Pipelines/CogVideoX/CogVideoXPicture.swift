import Compute
import Models
import Pictures
import VideoTypes

/// A picture on its way into the latents that a clip begins with.
struct CogVideoXPicture {
    let frame: Frame
    let config: CogVideoXVAEConfig
    let backend: any Backend
    let finite: FiniteCheck
    let dump: TensorDump?

    /// f32 `[T, C, H, W]`: the picture in the first latent frame, zeros in the others.
    ///
    /// - Parameters:
    ///   - shape: of the latents.
    ///   - noise: of one latent frame, with which the picture's latents are drawn from their distribution.
    func condition(_ shape: Shape, _ encoder: CogVideoXVAEEncoder, noise: [Float]) throws -> Tensor {
        let (height, width) = (shape[2] * config.spatialFactor, shape[3] * config.spatialFactor)
        let pixels = try backend.upload([1, height, width, 3]) {
            let planes = PicturePlanes(ofClip: frame, width: width, height: height).values
            dump?.record("vae.encode_in", [1, 3, 1, height, width], planes)
            let plane = height * width
            return (0..<plane).flatMap { index in (0..<3).map { planes[$0 * plane + index] } }
        }
        let moments = try encoder(pixels)[0]
        guard try finite.passes(moments) else {
            let search = try finite.search()
            _ = try encoder(pixels, probe: search.look)
            throw finite.failure(.text, "the picture", part: search.part)
        }
        let posterior = CogVideoXPosterior(try backend.download(moments), channels: shape[1])
        dump?.record("vae.encode_mean", [1, shape[1], 1, shape[2], shape[3]], posterior.means)
        dump?.record("vae.encode_logvar", [1, shape[1], 1, shape[2], shape[3]], posterior.variances)
        let scale = Float(config.invertScaleLatents ? 1 / config.scalingFactor : config.scalingFactor)
        let drawn = posterior.drawn(by: noise).map { scale * $0 }
        return try backend.upload(drawn + [Float](repeating: 0, count: shape.count - drawn.count), shape)
    }
}

import Models

/// Arithmetic of CogVideoX's decoder and encoder; a convolution of kernel `t·h·w` costs `2 · in · out · t·h·w` for each
/// position of its result.
struct CogVideoXDecoderWork {
    let config: CogVideoXVAEConfig

    /// Frames that a chunk of `latents` latent frames is decoded into.
    static func frames(of latents: Int, _ config: CogVideoXVAEConfig) -> Int {
        var frames = latents
        for level in 0..<config.blockOutChannels.count where config.resamples(level) == true {
            frames = doubled(frames)
        }
        return frames
    }

    private static func doubled(_ frames: Int) -> Int { frames > 1 ? 2 * frames - frames % 2 : frames }

    /// A clip of `frames` latent frames of `height` x `width`.
    func clip(frames: Int, height: Int, width: Int) -> ArithmeticCount {
        var count = ArithmeticCount()
        for chunk in CogVideoXVAEDecoder.chunks(frames) { decode(chunk.count, height * width, &count) }
        return count
    }

    private func decode(_ latents: Int, _ positions: Int, _ count: inout ArithmeticCount) {
        let dims = Array(config.blockOutChannels.reversed())
        let places = latents * positions
        var (positions, frames) = (positions, latents)
        count.convolution(places, config.latentChannels, dims[0], taps: 27)
        for _ in 0..<2 { residual(frames * positions, dims[0], dims[0], places, &count) }
        for index in dims.indices {
            for layer in 0...config.layersPerBlock {
                residual(
                    frames * positions, layer == 0 ? dims[max(index - 1, 0)] : dims[index], dims[index], places, &count)
            }
            guard let doublesFrames = config.resamples(index) else { continue }
            positions *= 4
            count.convolution(frames * positions, dims[index], dims[index], taps: 9)
            if doublesFrames { frames = Self.doubled(frames) }
        }
        let last = dims[dims.count - 1]
        norm(places, last, &count)
        count.convolution(frames * positions, last, 3, taps: 27)
    }

    /// One picture of `height` x `width` pixels.
    func picture(height: Int, width: Int) -> ArithmeticCount {
        var count = ArithmeticCount()
        let dims = config.blockOutChannels
        var positions = height * width
        count.convolution(positions, 3, dims[0], taps: 27)
        for index in dims.indices {
            for layer in 0..<config.layersPerBlock {
                residual(positions, layer == 0 ? dims[max(index - 1, 0)] : dims[index], dims[index], 0, &count)
            }
            guard config.resamples(index) != nil else { continue }
            positions /= 4
            count.convolution(positions, dims[index], dims[index], taps: 9)
        }
        let last = dims[dims.count - 1]
        for _ in 0..<2 { residual(positions, last, last, 0, &count) }
        count.convolution(positions, last, 2 * config.latentChannels, taps: 27)
        return count
    }

    /// - Parameter places: of the latents that norms read, 0 in the encoder.
    private func residual(
        _ positions: Int, _ input: Int, _ output: Int, _ places: Int, _ count: inout ArithmeticCount
    ) {
        norm(places, input, &count)
        norm(places, output, &count)
        count.convolution(positions, input, output, taps: 27)
        count.convolution(positions, output, output, taps: 27)
        if input != output { count.linear(positions, input, output) }
    }

    private func norm(_ places: Int, _ channels: Int, _ count: inout ArithmeticCount) {
        count.linear(places, config.latentChannels, channels, times: 2)
    }
}

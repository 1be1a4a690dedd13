import Compute
import Models

extension CogVideoXVAEDecoder: LatentDecoder {
    var geometry: DecoderGeometry {
        DecoderGeometry(scale: config.spatialFactor, patch: 1, isClamped: false, tiling: config.tiling)
    }

    func chunks(_ latents: Shape) -> [Range<Int>] { Self.chunks(latents[0]) }

    /// Frames that so many latent frames are decoded into.
    func frames(of latents: Int) -> Int {
        Self.chunks(latents).reduce(0) { $0 + frames(ofChunk: $1.count) }
    }

    /// The first of an odd number of frames stays one wherever the others are doubled.
    private func frames(ofChunk latents: Int) -> Int {
        config.blockOutChannels.indices.reduce(latents) { frames, level in
            config.resamples(level) == true && frames > 1 ? 2 * frames - frames % 2 : frames
        }
    }

    func decoded(_ values: [Float], _ latents: Shape) -> (values: [Float], shape: [Int]) {
        let (time, channels, plane) = (latents[0], latents[1], latents[2] * latents[3])
        let factor = Float(1 / config.scalingFactor)
        var turned = values
        for frame in 0..<time {
            for channel in 0..<channels {
                for index in 0..<plane {
                    turned[(channel * time + frame) * plane + index] =
                        factor * values[(frame * channels + channel) * plane + index]
                }
            }
        }
        return (turned, [channels, time, latents[2], latents[3]])
    }
}

extension CogVideoXVAEConfig {
    /// Tiles of half the sample's size, a sixth of whose height and a fifth of whose width is shared with the next.
    var tiling: Tiling {
        func axis(_ sample: Int, _ shared: Double) -> Tiling.Axis {
            let pixels = sample / 2
            let tile = pixels / spatialFactor
            let blend = Int(Double(pixels) * shared)
            return Tiling.Axis(
                tile: max(tile, 1), stride: max(Int(Double(tile) * (1 - shared)), 1), kept: pixels - blend, blend: blend
            )
        }
        return Tiling(rows: axis(sampleHeight, 1.0 / 6), columns: axis(sampleWidth, 1.0 / 5))
    }

    /// Whether what tiles add to a frame lies side by side: not so for every sample size.
    var tilesMeet: Bool {
        [tiling.rows, tiling.columns].allSatisfy { $0.kept == $0.stride * spatialFactor }
    }
}

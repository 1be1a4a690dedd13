import Compute
import Models

extension WanVAEDecoder: LatentDecoder {
    var geometry: DecoderGeometry {
        DecoderGeometry(
            scale: config.scaleFactorSpatial, patch: config.patchSize, isClamped: true, tiling: config.tiling)
    }

    func chunks(_ latents: Shape) -> [Range<Int>] { (0..<latents[1]).map { $0..<$0 + 1 } }

    func decode(
        _ latents: Tensor, chunk: Range<Int>, probe: Probe?, emit: (Tensor) throws -> Void
    ) throws {
        try decode(latents, frame: chunk.lowerBound, probe: probe, emit: emit)
    }

    func decoded(_ values: [Float], _ latents: Shape) -> (values: [Float], shape: [Int]) {
        let plane = latents.count / config.zDim
        let values = values.enumerated().map { index, value in
            value * config.latentsStd[index / plane] + config.latentsMean[index / plane]
        }
        return (values, latents.dims)
    }
}

extension WanVAEConfig {
    private static let tilePixels = 256
    private static let stridePixels = 192

    /// Tiles are 256 pixels wide and high, 192 apart.
    var tiling: Tiling {
        let axis = Tiling.Axis(
            tile: Self.tilePixels / scaleFactorSpatial, stride: Self.stridePixels / scaleFactorSpatial,
            kept: Self.stridePixels / scaleFactorSpatial * (scaleFactorSpatial / patchSize),
            blend: (Self.tilePixels - Self.stridePixels) / patchSize)
        return Tiling(rows: axis, columns: axis)
    }
}

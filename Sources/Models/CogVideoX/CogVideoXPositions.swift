import Compute
import Glibc
import Layers

/// Where the tokens of a clip are: tables that a CogVideoX transformer adds, or turns queries and keys by.
///
/// Follows get_3d_sincos_pos_embed and get_3d_rotary_pos_embed of Diffusers 0.42.1.
struct CogVideoXPositions {
    let config: CogVideoXTransformerConfig
    /// Extents of the grid of tokens.
    let time: Int
    let height: Int
    let width: Int

    /// Sines and cosines f32 `[tokens, dim]`: a quarter for the time, the rest in halves for width and height.
    func sinusoids(on backend: any Backend) throws(ComputeError) -> Tensor {
        try backend.upload([time * height * width, config.dim]) { sinusoids() }
    }

    private func sinusoids() -> [Float] {
        let (quarter, part) = (config.dim / 4, config.dim / 8 * 3)
        let times = Self.sinusoids(time, config.temporalInterpolationScale, width: quarter)
        let columns = Self.sinusoids(width, config.spatialInterpolationScale, width: part)
        let rows = Self.sinusoids(height, config.spatialInterpolationScale, width: part)
        var values: [Float] = []
        values.reserveCapacity(time * height * width * config.dim)
        for t in 0..<time {
            for y in 0..<height {
                for x in 0..<width { values += times[t] + columns[x] + rows[y] }
            }
        }
        return values
    }

    /// All sines, then all cosines, of each position; in f64.
    private static func sinusoids(_ count: Int, _ scale: Float, width: Int) -> [[Float]] {
        let half = width / 2
        return (0..<count).map { position in
            let angles = (0..<half).map {
                Double(Float(position) / scale) * (1 / pow(10000, Double($0) / (Double(width) / 2)))
            }
            return angles.map { Float(sin($0)) } + angles.map { Float(cos($0)) }
        }
    }

    /// The turns of queries and keys, `[tokens, headDim / 2]`: a quarter of a head for the time, the rest in halves for
    /// height and width.
    func rotary(on backend: any Backend) throws(ComputeError) -> RotaryTable {
        let shape: Shape = [time * height * width, config.attentionHeadDim / 2]
        return RotaryTable(
            cosine: try backend.upload(shape) { turns { cosf($0) } },
            sine: try backend.upload(shape) { turns { sinf($0) } })
    }

    /// The cosines or sines of all tokens' angles.
    private func turns(_ function: (Float) -> Float) -> [Float] {
        let head = config.attentionHeadDim
        let (rows, columns) = spatialPositions()
        let axes = zip([(0..<time).map { Float($0) }, rows, columns], [head / 4, head / 8 * 3, head / 8 * 3]).map {
            Self.turns($0, part: $1, function)
        }
        var values: [Float] = []
        values.reserveCapacity(time * height * width * head / 2)
        for t in 0..<time {
            for y in 0..<height {
                for x in 0..<width {
                    for (axis, position) in zip(axes, [t, y, x]) { values += axis[position] }
                }
            }
        }
        return values
    }

    /// In f32, as the reference.
    private static func turns(_ positions: [Float], part: Int, _ function: (Float) -> Float) -> [[Float]] {
        let frequencies = (0..<part / 2).map { 1 / powf(10000, Float(2 * $0) / Float(part)) }
        return positions.map { position in frequencies.map { function(position * $0) } }
    }

    /// Whole numbers for patches with a length in time; else the grid is laid into the trained one, as large as fits
    /// and in its middle.
    private func spatialPositions() -> (rows: [Float], columns: [Float]) {
        guard config.patchSizeT == nil else {
            return ((0..<height).map { Float($0) }, (0..<width).map { Float($0) })
        }
        let (baseHeight, baseWidth) = (
            Double(config.sampleHeight / config.patchSize), Double(config.sampleWidth / config.patchSize)
        )
        let (high, wide) = (Double(height), Double(width))
        func whole(_ value: Double) -> Double { value.rounded(.toNearestOrEven) }
        let isTall = high / wide > baseHeight / baseWidth
        let resizedHeight = isTall ? baseHeight : whole(baseWidth / wide * high)
        let resizedWidth = isTall ? whole(baseHeight / high * wide) : baseWidth
        let top = whole((baseHeight - resizedHeight) / 2)
        let left = whole((baseWidth - resizedWidth) / 2)
        return (
            Self.evenly(from: top, to: (top + resizedHeight) * (high - 1) / high, count: height),
            Self.evenly(from: left, to: (left + resizedWidth) * (wide - 1) / wide, count: width)
        )
    }

    /// `torch.linspace` in f32: from both ends to the middle.
    private static func evenly(from start: Double, to end: Double, count: Int) -> [Float] {
        guard count > 1 else { return [Float(start)] }
        let (start, end) = (Float(start), Float(end))
        let step = (end - start) / Float(count - 1)
        return (0..<count).map {
            $0 < count / 2 ? start.addingProduct(step, Float($0)) : end.addingProduct(-step, Float(count - 1 - $0))
        }
    }
}

package import Compute
import Glibc

/// Rotary position embedding over the three axes of a latent grid.
///
/// A head's width is divided into time, height and width parts; each part turns interleaved pairs by
/// `position · theta^(-2i / part)`. Tables are computed in f64 and stored in f32, as Diffusers does
/// (WanRotaryPosEmbed).
package struct RotaryEmbedding {
    private let parts: [Int]
    private let theta: Double

    /// - Parameter headDim: even; height and width get `2 · (headDim / 6)` each, time the rest.
    package init(headDim: Int, theta: Double = 10000) {
        let side = 2 * (headDim / 6)
        parts = [headDim - 2 * side, side, side]
        self.theta = theta
    }

    /// The table for all tokens of a `time × height × width` grid, width fastest: `[tokens, headDim / 2]` each.
    package func table(time: Int, height: Int, width: Int, on backend: any Backend) throws(ComputeError) -> RotaryTable
    {
        let axes = zip([time, height, width], parts).map { axisAngles(positions: $0, part: $1) }
        let pairs = parts.reduce(0, +) / 2
        var cosine: [Float] = []
        var sine: [Float] = []
        cosine.reserveCapacity(time * height * width * pairs)
        sine.reserveCapacity(time * height * width * pairs)
        for t in 0..<time {
            for y in 0..<height {
                for x in 0..<width {
                    for (axis, position) in zip(axes, [t, y, x]) {
                        cosine.append(contentsOf: axis.cosine[position])
                        sine.append(contentsOf: axis.sine[position])
                    }
                }
            }
        }
        let shape: Shape = [time * height * width, pairs]
        return RotaryTable(cosine: try backend.upload(cosine, shape), sine: try backend.upload(sine, shape))
    }

    private func axisAngles(positions: Int, part: Int) -> (cosine: [[Float]], sine: [[Float]]) {
        let angles = (0..<positions).map { position in
            (0..<part / 2).map { Double(position) / pow(theta, Double(2 * $0) / Double(part)) }
        }
        return (angles.map { $0.map { Float(cos($0)) } }, angles.map { $0.map { Float(sin($0)) } })
    }
}

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
    package func table(
        time: Int, height: Int, width: Int, on backend: any Backend
    ) throws(ComputeError) -> RotaryTable {
        let extents = [time, height, width]
        let shape: Shape = [time * height * width, parts.reduce(0, +) / 2]
        return RotaryTable(
            cosine: try backend.upload(shape) { turns(extents) { cos($0) } },
            sine: try backend.upload(shape) { turns(extents) { sin($0) } })
    }

    /// The cosines or sines of all tokens' angles.
    private func turns(_ extents: [Int], _ function: (Double) -> Double) -> [Float] {
        let axes = zip(extents, parts).map { positions, part in
            (0..<positions).map { position in
                (0..<part / 2).map { Float(function(Double(position) / pow(theta, Double(2 * $0) / Double(part)))) }
            }
        }
        var values: [Float] = []
        values.reserveCapacity(extents.reduce(1, *) * parts.reduce(0, +) / 2)
        for t in 0..<extents[0] {
            for y in 0..<extents[1] {
                for x in 0..<extents[2] {
                    for (axis, position) in zip(axes, [t, y, x]) { values.append(contentsOf: axis[position]) }
                }
            }
        }
        return values
    }
}

package import Compute
import Glibc

/// Classifier-free guidance (arXiv:2207.12598).
package enum Guidance {
    /// Whether a scale asks for the second, unconditional pass.
    ///
    /// With two experts the first one's scale decides for both.
    package static func isNeeded(_ scale: Float) -> Bool { scale > 1 }

    /// CogVideoX's dynamic scale, by the cosine of how many steps remain.
    ///
    /// Its reference takes the timestep, which counts to 1000, for a step.
    package static func cosine(_ scale: Double, timestep: Float, steps: Int) -> Double {
        let remaining = (Double(steps) - Double(timestep)) / Double(steps)
        return 1 + scale * (1 - cos(Double.pi * pow(remaining, 5))) / 2
    }

    /// Computes `conditional = unconditional + scale · (conditional - unconditional)` in place.
    package static func apply(
        _ scale: Float, conditional: Tensor, unconditional: Tensor, on backend: any Backend
    ) throws(ComputeError) {
        // In two steps: the difference is small and must not drown in the rounding of two large terms.
        try backend.combine([(1, conditional), (-1, unconditional)], into: conditional)
        try backend.combine([(1, unconditional), (scale, conditional)], into: conditional)
    }
}

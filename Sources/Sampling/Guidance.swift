package import Compute

/// Classifier-free guidance (arXiv:2207.12598).
package enum Guidance {
    /// Whether a scale asks for the second, unconditional pass.
    ///
    /// With two experts the first one's scale decides for both.
    package static func isNeeded(_ scale: Float) -> Bool { scale > 1 }

    /// Computes `conditional = unconditional + scale · (conditional - unconditional)` in place.
    package static func apply(
        _ scale: Float, conditional: Tensor, unconditional: Tensor, on backend: any Backend
    ) throws(ComputeError) {
        // In two steps: the difference is small and must not drown in the rounding of two large terms.
        try backend.combine([(1, conditional), (-1, unconditional)], into: conditional)
        try backend.combine([(1, unconditional), (scale, conditional)], into: conditional)
    }
}

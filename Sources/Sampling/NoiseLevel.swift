import Glibc

/// A point of a rectified flow, `x = α x₀ + σ ε` with `α = 1 - σ`.
struct NoiseLevel {
    let sigma: Float
    let alpha: Float
    /// Half the logarithm of the signal-to-noise ratio.
    let lambda: Float

    init(_ sigma: Float) {
        self.sigma = sigma
        alpha = 1 - sigma
        lambda = logf(1 - sigma) - logf(sigma)
    }
}

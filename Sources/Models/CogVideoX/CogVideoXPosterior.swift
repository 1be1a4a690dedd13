import Glibc

/// The normal distribution of the latents of a picture.
package struct CogVideoXPosterior {
    /// `[C, H, W]` each.
    package let means: [Float]
    /// Logarithms of the variances.
    package let variances: [Float]

    /// Bounds of DiagonalGaussianDistribution of Diffusers.
    private static let bounds: ClosedRange<Float> = -30...20

    /// - Parameter moments: `[H, W, 2 C]`, as the encoder gives them.
    package init(_ moments: [Float], channels: Int) {
        let plane = moments.count / (2 * channels)
        func channel(_ number: Int) -> [Float] { (0..<plane).map { moments[$0 * 2 * channels + number] } }
        means = (0..<channels).flatMap(channel)
        variances = (channels..<2 * channels).flatMap(channel).map {
            min(Self.bounds.upperBound, max(Self.bounds.lowerBound, $0))
        }
    }

    /// One draw from it.
    package func drawn(by noise: [Float]) -> [Float] {
        noise.indices.map { means[$0] + expf(0.5 * variances[$0]) * noise[$0] }
    }
}

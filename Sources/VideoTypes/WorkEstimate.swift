/// What a clip costs in arithmetic and memory, known before any work is done.
public struct WorkEstimate: Sendable, Hashable, Codable {
    /// Positions that the transformer sees in each pass.
    public var tokens: Int
    /// Passes through the transformer: steps, twice where there is guidance.
    public var passes: Int
    /// Pixels that the decoder makes: frames times width times height.
    public var decodedPixels: Int
    /// Floating-point operations of each stage, a multiplication with its addition counted as two.
    public var flops: [VideoProgress.Stage: Double]
    /// Bytes held at the peak of each stage.
    public var peakBytes: [VideoProgress.Stage: Int]

    public init(
        tokens: Int, passes: Int, decodedPixels: Int, flops: [VideoProgress.Stage: Double],
        peakBytes: [VideoProgress.Stage: Int]
    ) {
        self.tokens = tokens
        self.passes = passes
        self.decodedPixels = decodedPixels
        self.flops = flops
        self.peakBytes = peakBytes
    }
}

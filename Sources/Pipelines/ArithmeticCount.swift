/// Floating-point operations of matrix products, attention and convolutions, a multiplication with its addition counted
/// as two.
///
/// Norms, activations and copies are left out: they are bound by memory and below one part in a hundred.
struct ArithmeticCount {
    private(set) var total = 0.0

    /// `[rows, in]` by `[in, out]`.
    mutating func linear(_ rows: Int, _ inFeatures: Int, _ outFeatures: Int, times: Int = 1) {
        total += 2 * Double(rows) * Double(inFeatures) * Double(outFeatures) * Double(times)
    }

    /// Logits and their weighted sum: each query meets each of its keys over the full width, twice.
    mutating func attention(queries: Int, keys: Int, width: Int, times: Int = 1) {
        total += 4 * Double(queries) * Double(keys) * Double(width) * Double(times)
    }

    /// The same for so many pairs of a query and a key.
    mutating func attention(pairs: Int, width: Int) { total += 4 * Double(pairs) * Double(width) }

    /// - Parameters:
    ///   - positions: frames times height times width of the result.
    ///   - taps: of the kernel, those that meet zeros at the borders included.
    mutating func convolution(_ positions: Int, _ inChannels: Int, _ outChannels: Int, taps: Int) {
        linear(positions, inChannels * taps, outChannels)
    }

    mutating func add(_ other: ArithmeticCount, times: Int = 1) { total += other.total * Double(times) }
}

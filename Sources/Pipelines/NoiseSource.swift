import Compute

/// The random numbers of a clip, in the order in which the reference draws them from its one generator.
final class NoiseSource {
    private var random: TorchRandomSource
    private let dtype: DType
    private let dump: TensorDump?
    private var draws = 0

    /// - Parameter dtype: that the reference draws in: numbers of bf16 are those of f32, rounded.
    init(seed: UInt64, dtype: DType = .f32, dump: TensorDump? = nil) {
        random = TorchRandomSource(seed: seed)
        self.dtype = dtype
        self.dump = dump
    }

    /// The next numbers, as many as a tensor of `shape` has.
    func draw(_ shape: Shape) -> [Float] {
        var noise = random.normals(shape.count)
        if dtype == .bf16 { noise = noise.map(Self.rounded) }
        dump?.record("rng.\(threeDigits(draws))", [1] + shape.dims, noise)
        draws += 1
        return noise
    }

    /// Goes past so many draws of `shape`.
    func skip(_ shape: Shape, times: Int) {
        for _ in 0..<times { _ = random.normals(shape.count) }
        draws += times
    }

    /// To the nearest bf16, ties to even.
    private static func rounded(_ value: Float) -> Float {
        let bits = value.bitPattern
        return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
    }
}

import Compute

/// Random numbers on a GPU: made once on the host, then copied on the GPU to wherever they are needed.
///
/// Every tensor begins at another place of the same numbers, which repeat after `period`.
struct RandomTensors {
    private let backend: any Backend
    private let floats: Tensor
    private let halves: Tensor
    private let period: Int
    private var place = 0

    /// - Parameter period: not a multiple of any width of a model, so that rows of a matrix differ.
    init(_ backend: any Backend, period: Int) throws {
        self.backend = backend
        self.period = period
        var random = RandomNumbers(seed: 1)
        floats = try backend.upload((0..<period).map { _ in random.normal() }, [period])
        halves = try backend.allocate([period], .bf16)
        try backend.copy(floats, into: halves)
    }

    mutating func tensor(_ shape: Shape, _ dtype: DType = .bf16) throws -> Tensor {
        let out = try backend.allocate([shape.count], dtype)
        let source = dtype == .f32 ? floats : halves
        var filled = 0
        while filled < out.count {
            let count = min(period - place, out.count - filled)
            try backend.copy(source[place..<place + count], into: out[filled..<filled + count])
            filled += count
            place = (place + count) % period
        }
        return out.reshaped(shape)
    }
}

/// Normally distributed numbers: a sum of four uniform ones, which no product of matrices tells from better ones.
struct RandomNumbers {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// Mean 0, variance 1.
    mutating func normal() -> Float {
        // SplitMix64.
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        z ^= z >> 31
        let sum = (z & 0xffff) + (z >> 16 & 0xffff) + (z >> 32 & 0xffff) + (z >> 48)
        return (Float(sum) - 131_070) / 37_837
    }
}

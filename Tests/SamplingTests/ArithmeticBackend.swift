import Compute

/// The two operations that solvers use, on plain arrays; any other is a mistake.
final class ArithmeticBackend: Backend {
    private final class Values: Storage {
        var values: [Float]
        init(_ values: [Float]) { self.values = values }
        var byteCount: Int { values.count * 4 }
    }

    let name = "arithmetic"
    let prefersBF16 = false
    /// Tensors allocated so far.
    private(set) var allocations = 0

    private func values(_ x: Tensor) -> Values {
        guard let values = x.storage as? Values else { preconditionFailure("a tensor of another backend") }
        return values
    }

    func allocate(_ shape: Shape, _ dtype: DType) -> Tensor {
        allocations += 1
        return Tensor(storage: Values(Array(repeating: .nan, count: shape.count)), shape: shape, dtype: .f32)
    }

    func upload(_ values: [Float], _ shape: Shape) -> Tensor {
        Tensor(storage: Values(values), shape: shape, dtype: .f32)
    }

    func download(_ x: Tensor) -> [Float] { values(x).values }

    func copy(_ x: Tensor, into out: Tensor) { values(out).values = values(x).values }

    func combine(_ terms: [(factor: Float, tensor: Tensor)], into out: Tensor) {
        precondition(terms.count <= 4)
        let inputs = terms.map { ($0.factor, values($0.tensor).values) }
        values(out).values = (0..<out.count).map { index in
            inputs.reduce(Float(0)) { $0 + $1.0 * $1.1[index] }
        }
    }

    func downloadBytes(_ x: Tensor) -> [UInt8] { fatalError() }
    func zero(_ out: Tensor) { fatalError() }
    func resident(_ stored: StoredTensor) -> Tensor { fatalError() }
    func vector(_ stored: StoredTensor) -> Tensor { fatalError() }
    func linearWeight(_ stored: StoredTensor, for dtype: DType) -> LinearWeight { fatalError() }
    func convolutionWeight(_ stored: StoredTensor, for dtype: DType) -> ConvolutionWeight { fatalError() }
    func linear(_ x: Tensor, _ weight: LinearWeight, bias: Tensor?, _ epilogue: Epilogue, into out: Tensor) {
        fatalError()
    }
    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, groups: TokenGroups, bias: AttentionBias?,
        into out: Tensor
    ) { fatalError() }
    func convolution(_ x: Tensor, _ weight: ConvolutionWeight, bias: Tensor?, accumulate: Bool, into out: Tensor) {
        fatalError()
    }
    func layerNorm(_ x: Tensor, gain: Tensor?, offset: Tensor?, eps: Float, into out: Tensor) { fatalError() }
    func rmsNorm(_ x: Tensor, gain: Tensor, eps: Float, into out: Tensor) { fatalError() }
    func rmsNormRotary(_ x: Tensor, gain: Tensor, eps: Float, heads: Int, rotary: RotaryTable?) { fatalError() }
    func channelNorm(_ x: Tensor, gain: Tensor, silu: Bool, into out: Tensor) { fatalError() }
    func add(_ x: Tensor, into out: Tensor) { fatalError() }
    func silu(_ x: Tensor, into out: Tensor) { fatalError() }
    func geluGate(_ gate: Tensor, _ x: Tensor, into out: Tensor) { fatalError() }
    func embedding(_ ids: [Int32], _ table: Tensor, into out: Tensor) { fatalError() }
    func patchify(_ x: Tensor, patch: PatchSize, into out: Tensor) { fatalError() }
    func unpatchify(_ x: Tensor, patch: PatchSize, into out: Tensor) { fatalError() }
    func channelsLast(_ x: Tensor, frame: Int, gain: Tensor, offset: Tensor, into out: Tensor) { fatalError() }
    func upsample2x(_ x: Tensor, into out: Tensor) { fatalError() }
    func interleaveFrames(_ x: Tensor, into out: Tensor) { fatalError() }
    func addRepeatedUp(_ x: Tensor, time: Int, space: Int, skip: Int, into out: Tensor) { fatalError() }
    func pixels(_ x: Tensor, patch: Int, into out: Tensor) { fatalError() }
}

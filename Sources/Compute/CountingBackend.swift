/// A backend that computes nothing, holds no memory and counts what it is asked for, from the shapes it is given.
///
/// Building a network on it checks every name, shape and dtype of a checkpoint of any size in milliseconds; running one
/// tells what it costs.
package final class CountingBackend: Backend {
    private final class NoStorage: Storage {
        let byteCount: Int

        init(byteCount: Int) {
            self.byteCount = byteCount
        }
    }

    /// Floating-point operations so far of matrix products, attention and convolutions, a multiplication with its
    /// addition counted as two.
    ///
    /// Norms, activations and copies are left out: they are bound by memory and below one part in a hundred.
    package private(set) var flops = 0.0

    package let name = "counting"
    package let prefersBF16 = false
    package let memoryBytes: Int? = nil
    package let peakDeviceBytes: Int? = nil
    package let copiesWeights = false

    package init() {}

    package func allocate(_ shape: Shape, _ dtype: DType) -> Tensor {
        Tensor(storage: NoStorage(byteCount: shape.count * dtype.byteWidth), shape: shape, dtype: dtype)
    }

    package func upload(_ values: [Float], _ shape: Shape) -> Tensor {
        precondition(values.count == shape.count, "\(values.count) values for \(shape)")
        return allocate(shape, .f32)
    }

    package func upload(_ shape: Shape, by make: () -> [Float]) -> Tensor { allocate(shape, .f32) }

    package func download(_ x: Tensor) -> [Float] { [Float](repeating: 0, count: x.count) }
    package func startDownload(_ x: Tensor) -> any PendingBytes {
        HostPendingBytes([UInt8](repeating: 0, count: x.count))
    }
    package func copy(_ x: Tensor, into out: Tensor) {}
    package func zero(_ out: Tensor) {}

    package func resident(_ stored: StoredTensor) -> Tensor { allocate(stored.shape, stored.dtype) }
    package func vector(_ stored: StoredTensor) -> Tensor { allocate(stored.shape, .f32) }

    package func linearWeight(_ stored: StoredTensor, for dtype: DType) -> LinearWeight {
        LinearWeight(
            storage: NoStorage(byteCount: stored.bytes.count), outFeatures: stored.shape[0],
            inFeatures: stored.shape.dims.dropFirst().reduce(1, *), format: stored.format,
            dtype: dtype)
    }

    package func convolutionWeight(_ stored: StoredTensor, for dtype: DType) -> ConvolutionWeight {
        let dims = stored.shape.dims
        return ConvolutionWeight(
            storage: NoStorage(byteCount: stored.bytes.count), outChannels: dims[0], inChannels: dims[1],
            kernel: Array(dims[2...]), dtype: dtype)
    }

    // MARK: counted

    package func linear(
        _ x: Tensor, _ weight: LinearWeight, bias: Tensor?, _ epilogue: Epilogue, into out: Tensor
    ) {
        flops += 2 * Double(x.count) * Double(weight.outFeatures)
    }

    package func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, groups: TokenGroups, bias: AttentionBias?,
        into out: Tensor
    ) {
        let queries = q.count / q.shape.last
        let keys =
            switch groups {
            case .all: k.count / k.shape.last
            case .consecutive(let length): length
            case .strided(let stride): queries / stride
            }
        flops += Self.attention(pairs: Double(queries) * Double(keys), width: q.shape.last)
    }

    package func blockList(_ lists: [[[Int]]], queries: Int, keys: Int) -> BlockList {
        BlockList(lists, queries: queries, keys: keys, in: NoStorage(byteCount: 0))
    }

    package func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, blocks: BlockList, into out: Tensor
    ) {
        let pairs = Double(blocks.count) * Double(BlockList.queries) * Double(BlockList.keys)
        flops += Self.attention(pairs: pairs, width: q.shape.last / heads)
    }

    /// Logits and their weighted sum: two products over the whole width for each pair of a query and a key.
    package static func attention(pairs: Double, width: Int) -> Double { 4 * pairs * Double(width) }

    package func convolution(
        _ x: Tensor, history: [Tensor?], _ weight: ConvolutionWeight, window: Window, bias: Tensor?, accumulate: Bool,
        into out: Tensor
    ) {
        let taps = weight.kernel.reduce(1, *)
        flops += 2 * Double(out.count) * Double(taps) * Double(weight.inChannels)
    }

    // MARK: not counted

    package func layerNorm(
        _ x: Tensor, gain: Tensor?, offset: Tensor?, runs: RowRuns, eps: Float, into out: Tensor
    ) {}
    package func layerNormRotary(
        _ x: Tensor, gain: Tensor, offset: Tensor, eps: Float, heads: Int, rotary: RotaryTable?
    ) {}
    package func rmsNorm(_ x: Tensor, gain: Tensor, eps: Float, into out: Tensor) {}
    package func rmsNormRotary(_ x: Tensor, gain: Tensor, eps: Float, heads: Int, rotary: RotaryTable?) {}
    package func channelNorm(_ x: Tensor, gain: Tensor, silu: Bool, into out: Tensor) {}
    package func groupNorm(
        _ x: Tensor, groups: Int, gain: Tensor, offset: Tensor, places: PlaceVectors?, eps: Float, silu: Bool,
        into out: Tensor
    ) {}
    package func silu(_ x: Tensor, into out: Tensor) {}
    package func gelu(_ x: Tensor, _ form: GELU, into out: Tensor) {}
    package func add(_ x: Tensor, into out: Tensor) {}
    package func geluGate(_ gate: Tensor, _ x: Tensor, into out: Tensor) {}
    package func combine(_ terms: [(factor: Float, tensor: Tensor)], into out: Tensor) {}
    package func flagNonFinite(_ x: Tensor, in flag: Tensor) {}
    package func embedding(_ ids: [Int32], _ table: Tensor, into out: Tensor) {}
    package func patchify(_ x: Tensor, patch: PatchSize, into out: Tensor) {}
    package func unpatchify(_ x: Tensor, patch: PatchSize, into out: Tensor) {}
    package func channelsLast(_ x: Tensor, frame: Int, gain: Tensor, offset: Tensor, into out: Tensor) {}
    package func upsample2x(_ x: Tensor, into out: Tensor) {}
    package func interleaveFrames(_ x: Tensor, into out: Tensor) {}
    package func addRepeatedUp(_ x: Tensor, time: Int, space: Int, skip: Int, into out: Tensor) {}
    package func pixels(_ x: Tensor, patch: Int, into out: Tensor) {}
    package func record(_ body: () throws(ComputeError) -> Void) throws(ComputeError) -> (any Recording)? {
        try body()
        return nil
    }
}

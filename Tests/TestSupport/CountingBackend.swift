package import Compute

/// Computes nothing and counts what it is asked for, operation by operation, from the shapes it is given.
package final class CountingBackend: Backend {
    private let null = NullBackend()
    /// Floating-point operations of matrix products, attention and convolutions so far.
    package private(set) var flops = 0.0

    package init() {}

    package let name = "counting"
    package let prefersBF16 = false
    package let memoryBytes: Int? = nil
    package let peakDeviceBytes: Int? = nil
    package let copiesWeights = false

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
        // Two products for each pair of query and key.
        for _ in 0..<2 { flops += 2 * Double(queries) * Double(keys) * Double(q.shape.last) }
    }

    package func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, blocks: BlockList, into out: Tensor
    ) {
        let pairs = Double(blocks.count) * Double(BlockList.queries) * Double(BlockList.keys)
        flops += 4 * pairs * Double(q.shape.last / heads)
    }

    package func convolution(
        _ x: Tensor, history: [Tensor?], _ weight: ConvolutionWeight, window: Window, bias: Tensor?, accumulate: Bool,
        into out: Tensor
    ) {
        let taps = weight.kernel.reduce(1, *)
        flops += 2 * Double(out.count) * Double(taps) * Double(weight.inChannels)
    }

    // MARK: not counted

    package func blockList(_ lists: [[[Int]]], queries: Int, keys: Int) -> BlockList {
        null.blockList(lists, queries: queries, keys: keys)
    }

    package func allocate(_ shape: Shape, _ dtype: DType) -> Tensor { null.allocate(shape, dtype) }
    package func upload(_ values: [Float], _ shape: Shape) -> Tensor { null.upload(values, shape) }
    package func download(_ x: Tensor) -> [Float] { null.download(x) }
    package func startDownload(_ x: Tensor) -> any PendingBytes { null.startDownload(x) }
    package func copy(_ x: Tensor, into out: Tensor) {}
    package func zero(_ out: Tensor) {}
    package func resident(_ stored: StoredTensor) -> Tensor { null.resident(stored) }
    package func vector(_ stored: StoredTensor) -> Tensor { null.vector(stored) }
    package func linearWeight(_ stored: StoredTensor, for dtype: DType) -> LinearWeight {
        null.linearWeight(stored, for: dtype)
    }
    package func convolutionWeight(_ stored: StoredTensor, for dtype: DType) -> ConvolutionWeight {
        null.convolutionWeight(stored, for: dtype)
    }
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

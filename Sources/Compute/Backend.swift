/// A device that holds tensors and computes on them.
///
/// Every operation writes into tensors that the caller has allocated. `x` may be the same tensor as `out` where the
/// operation says "in place". Activations are f32 or bf16; sums are accumulated in f32. Vectors (biases, gains, gates,
/// modulation) are f32. Calls are synchronous in order, not necessarily finished on return: reading a tensor waits.
package protocol Backend: AnyObject {
    /// "cpu", "cuda:0", …
    var name: String { get }
    /// Whether matrix products are faster in bf16 than in f32.
    var prefersBF16: Bool { get }
    /// Bytes that this backend can hold beside what it holds, nil where nobody knows.
    var memoryBytes: Int? { get }
    /// The most bytes in use so far in memory other than the host's; nil where there is none.
    var peakDeviceBytes: Int? { get }
    /// What a tensor takes of memory is a multiple of so many bytes.
    var memoryGranule: Int { get }
    /// Whether weights take room in that memory even where their dtype fits; if not, they are used where they lie.
    var copiesWeights: Bool { get }

    // MARK: memory

    /// Uninitialised memory.
    func allocate(_ shape: Shape, _ dtype: DType) throws(ComputeError) -> Tensor
    func upload(_ values: [Float], _ shape: Shape) throws(ComputeError) -> Tensor
    /// The same of values that are made only where they are held.
    func upload(_ shape: Shape, by make: () -> [Float]) throws(ComputeError) -> Tensor
    /// The elements as f32, whatever the (floating) dtype.
    func download(_ x: Tensor) throws(ComputeError) -> [Float]
    /// Starts reading a u8 tensor; what is asked of the backend next may run meanwhile.
    func startDownload(_ x: Tensor) throws(ComputeError) -> any PendingBytes
    /// Copies, converting the dtype where it differs. Shapes may differ, counts may not.
    func copy(_ x: Tensor, into out: Tensor) throws(ComputeError)
    func zero(_ out: Tensor) throws(ComputeError)

    // MARK: weights

    /// A stored tensor as it is, without conversion (on the host: without a copy). For gathers from large tables.
    func resident(_ stored: StoredTensor) throws(ComputeError) -> Tensor
    /// A stored vector or small table as f32.
    func vector(_ stored: StoredTensor) throws(ComputeError) -> Tensor
    /// A matrix `[out, in]` (further dimensions are flattened into `in`) for `linear` on activations of `dtype`.
    func linearWeight(_ stored: StoredTensor, for dtype: DType) throws(ComputeError) -> LinearWeight
    /// A kernel `[out, in, t, h, w]` for `convolution` on activations of `dtype`.
    func convolutionWeight(_ stored: StoredTensor, for dtype: DType) throws(ComputeError) -> ConvolutionWeight
    /// Whether matrices stored in one dtype are multiplied as they are with activations of another.
    func serves(_ stored: DType, for dtype: DType) -> Bool
    /// The image of the weights that `make` makes and keeps; nil where weights are used where they lie.
    func image(of make: () throws -> Void) throws -> (any WeightImage)?
    /// The matrices of a network that `make` makes, which come later; nil where they were there at once.
    func late(_ make: () throws -> Void) throws -> (any LateWeights)?

    // MARK: matrix products

    /// `out = epilogue(x · wᵀ + bias)`; x `[…, in]`, out `[…, out]`. x has the dtype the weight was made for, out is
    /// f32 or bf16.
    func linear(
        _ x: Tensor, _ weight: LinearWeight, bias: Tensor?, _ epilogue: Epilogue, into out: Tensor
    ) throws(ComputeError)

    /// Scaled dot-product attention, `softmax(scale · q kᵀ + bias) v` for each head.
    ///
    /// q, out `[tokens, heads · headDim]`; k, v `[keys, heads · headDim]`, all of one dtype. With a grouping other than
    /// `.all`, keys and queries are the same tokens and attend only inside their group.
    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, groups: TokenGroups, bias: AttentionBias?,
        into out: Tensor
    ) throws(ComputeError)

    /// Lists for `attention(…, blocks:)` on rows of these counts: for each head and block of `BlockList.queries`
    /// queries the blocks of `BlockList.keys` keys that it sees, ascending.
    func blockList(_ lists: [[[Int]]], queries: Int, keys: Int) throws(ComputeError) -> BlockList
    /// The same attention where queries see only some blocks of keys, of all tokens; zeros where they see none.
    func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, blocks: BlockList, into out: Tensor
    ) throws(ComputeError)

    /// Convolution over `[frames, height, width, channels]`; the window says what each place of the result sees.
    /// `history` holds the `window.time.before` frames `[height, width, channels]` before x, oldest first, nil for a
    /// frame of zeros. A kernel of one place has the window `.causal`. When `accumulate`, out += result.
    func convolution(
        _ x: Tensor, history: [Tensor?], _ weight: ConvolutionWeight, window: Window, bias: Tensor?, accumulate: Bool,
        into out: Tensor
    ) throws(ComputeError)
    /// A kernel `[out, in, 1, 3, 3]` for `doublingConvolution`; nil where that is nothing of the backend's own.
    func doublingWeight(_ stored: StoredTensor, for dtype: DType) throws(ComputeError) -> ConvolutionWeight?
    /// Convolution of frames `[frames, height, width, in]` as if each row and column came twice, into
    /// `[frames, 2 height, 2 width, out]`: neighbours that are equal meet the sum of their weights.
    func doublingConvolution(
        _ x: Tensor, _ weight: ConvolutionWeight, bias: Tensor?, into out: Tensor
    ) throws(ComputeError)

    // MARK: norms, positions

    /// `out = (x - mean) / sqrt(var + eps) · gain + offset` over the last dimension. x f32; gain and offset `[last]`,
    /// `[groups, last]` for runs of rows, or nil.
    func layerNorm(
        _ x: Tensor, gain: Tensor?, offset: Tensor?, runs: RowRuns, eps: Float, into out: Tensor
    ) throws(ComputeError)
    /// In place on `[tokens, heads · headDim]`: layer norm of each head, gain and offset `[headDim]`, then the rotary
    /// embedding on interleaved pairs as in `rmsNormRotary`. Without a table only the norm.
    func layerNormRotary(
        _ x: Tensor, gain: Tensor, offset: Tensor, eps: Float, heads: Int, rotary: RotaryTable?
    ) throws(ComputeError)
    /// `out = x / sqrt(mean(x²) + eps) · gain` over the last dimension. In place allowed.
    func rmsNorm(_ x: Tensor, gain: Tensor, eps: Float, into out: Tensor) throws(ComputeError)
    /// In place: RMS norm over the whole row of `[tokens, heads · headDim]`, then the rotary embedding of each head on
    /// interleaved pairs: (a, b) becomes (a cos - b sin, a sin + b cos). Without a table only the norm.
    func rmsNormRotary(_ x: Tensor, gain: Tensor, eps: Float, heads: Int, rotary: RotaryTable?) throws(ComputeError)
    /// `out = x / max(‖x‖₂, 1e-12) · sqrt(channels) · gain` over the last dimension, then SiLU if asked for. In
    /// place allowed.
    func channelNorm(_ x: Tensor, gain: Tensor, silu: Bool, into out: Tensor) throws(ComputeError)
    /// `out = (x - mean) / sqrt(var + eps) · gain + offset`, times and plus what belongs to the place, then SiLU if
    /// asked for; mean and variance over all positions and `channels / groups` neighbouring channels of
    /// `[…, channels]`, of `[frames, height, width, channels]` where places have vectors. In place allowed.
    func groupNorm(
        _ x: Tensor, groups: Int, gain: Tensor, offset: Tensor, places: PlaceVectors?, eps: Float, silu: Bool,
        into out: Tensor
    ) throws(ComputeError)

    // MARK: elementwise

    /// `out = silu(x)`. In place allowed.
    func silu(_ x: Tensor, into out: Tensor) throws(ComputeError)
    /// GELU in one of its forms. In place allowed.
    func gelu(_ x: Tensor, _ form: GELU, into out: Tensor) throws(ComputeError)
    /// `out += x`, of one dtype.
    func add(_ x: Tensor, into out: Tensor) throws(ComputeError)
    /// `out = gelu_tanh(gate) · x`: the gated unit of T5 v1.1. In place on either input allowed.
    func geluGate(_ gate: Tensor, _ x: Tensor, into out: Tensor) throws(ComputeError)
    /// `out = Σ factor · tensor`, f32, at most four terms; `out` may be one of them.
    func combine(_ terms: [(factor: Float, tensor: Tensor)], into out: Tensor) throws(ComputeError)
    /// Sets `flag`, u8 `[1]`, to 1 where an element of x, f32 or bf16, is no finite number; else leaves it.
    func flagNonFinite(_ x: Tensor, in flag: Tensor) throws(ComputeError)

    // MARK: layout

    /// Rows of a `[vocabulary, width]` table of any floating dtype.
    func embedding(_ ids: [Int32], _ table: Tensor, into out: Tensor) throws(ComputeError)
    /// f32 `[C, T, H, W]` to `[tokens, width]` of any dtype: a token's first columns are `(c, pt, ph, pw)`, pw fastest.
    /// Columns beyond `C · pt · ph · pw` are left as they are.
    func patchify(_ x: Tensor, patch: PatchSize, into out: Tensor) throws(ComputeError)
    /// `[tokens, pt · ph · pw · C]` with c fastest to f32 `[C, T, H, W]`.
    func unpatchify(_ x: Tensor, patch: PatchSize, into out: Tensor) throws(ComputeError)
    /// One latent frame of f32 `[C, T, H, W]` to `[1, H, W, C]`, as `x · gain[c] + offset[c]`.
    func channelsLast(_ x: Tensor, frame: Int, gain: Tensor, offset: Tensor, into out: Tensor) throws(ComputeError)
    /// Nearest neighbour: `[T, H, W, C]` to `[T, 2H, 2W, C]`.
    func upsample2x(_ x: Tensor, into out: Tensor) throws(ComputeError)
    /// `[T, H, W, 2C]` to `[2T, H, W, C]`: the first half of the channels is the even frame, the second the odd one.
    func interleaveFrames(_ x: Tensor, into out: Tensor) throws(ComputeError)
    /// Wan 2.2's weightless shortcut (DupUp3D): each channel of `[T, h, w, Cin]` repeated, then shuffled to
    /// `[T · time, h · space, w · space, Cout]`; the first `skip` frames are dropped. out += result.
    func addRepeatedUp(_ x: Tensor, time: Int, space: Int, skip: Int, into out: Tensor) throws(ComputeError)
    /// `[T, h, w, 3 · p · p]` (channel order c, pw, ph) to u8 `[T, h · p, w · p, 3]`: clamp to ±1, then
    /// `round((x / 2 + 0.5) · 255)`.
    func pixels(_ x: Tensor, patch: Int, into out: Tensor) throws(ComputeError)

    // MARK: repetition

    /// Runs the operations of `body` and takes them down, to run them again and again on the same tensors.
    ///
    /// Nil where that would not be faster than calling `body` again. It is called twice, neither uploads nor downloads,
    /// and no tensor that it allocates leaves it.
    func record(_ body: () throws(ComputeError) -> Void) throws(ComputeError) -> (any Recording)?
}

/// Bytes on their way to the host.
package protocol PendingBytes: AnyObject {
    /// Waits for the bytes; asked once.
    func bytes() throws(ComputeError) -> [UInt8]
}

/// Operations that a backend has taken down.
package protocol Recording: AnyObject {
    /// Runs them on the tensors they were recorded with.
    func replay() throws(ComputeError)
}

/// A matrix in the layout its backend wants.
package struct LinearWeight {
    package let storage: any Storage
    package let outFeatures: Int
    package let inFeatures: Int
    /// How the backend keeps it.
    package let format: StoredFormat
    /// Of the activations that it is multiplied with.
    package let dtype: DType

    /// - Parameter format: nil where the matrix is dense in the dtype of the activations.
    package init(
        storage: any Storage, outFeatures: Int, inFeatures: Int, format: StoredFormat? = nil, dtype: DType
    ) {
        self.storage = storage
        self.outFeatures = outFeatures
        self.inFeatures = inFeatures
        self.format = format ?? .dense(dtype)
        self.dtype = dtype
    }
}

/// A convolution kernel in the layout its backend wants.
package struct ConvolutionWeight {
    package let storage: any Storage
    package let outChannels: Int
    package let inChannels: Int
    /// Extent in time, height and width.
    package let kernel: [Int]
    package let dtype: DType

    package init(storage: any Storage, outChannels: Int, inChannels: Int, kernel: [Int], dtype: DType) {
        self.storage = storage
        self.outChannels = outChannels
        self.inChannels = inChannels
        self.kernel = kernel
        self.dtype = dtype
    }
}

/// What happens to a matrix product before it is stored.
package enum Epilogue {
    case none
    /// The tanh approximation of GELU.
    case gelu
    case silu
    /// `out += y`
    case add
    /// `out += gate · y`, gate `[out]`, or `[groups, out]` for runs of rows.
    case gatedAdd(gate: Tensor, runs: RowRuns = .even)
}

/// Forms of GELU.
package enum GELU: Hashable, Sendable {
    /// `x Φ(x)`, by the error function.
    case exact
    /// `x / (1 + e^-1.702x)`
    case quick
    /// The approximation that epilogues have.
    case tanh
}

/// Which tokens attend to which.
package enum TokenGroups: Hashable, Sendable {
    /// Every query to every key.
    case all
    /// Runs of `length` consecutive tokens: within one latent frame.
    case consecutive(length: Int)
    /// Tokens `stride` apart: along time at one place.
    case strided(stride: Int)
}

/// What is added to the scaled logits.
package enum AttentionBias {
    /// f32 `[heads, queries, keys]`
    case perHead(Tensor)
    /// f32 `[keys]`
    case perKey(Tensor)
    /// f32 `[keys]`, zeros but for the last: a key that stands for several.
    case lastKey(Tensor)
}

/// Gain and offset of the channels at each place, smaller than what they are for: its places take the nearest.
package struct PlaceVectors {
    /// f32 `[frames, height, width, channels]` each.
    package let gain: Tensor
    package let offset: Tensor
    /// Whether the first frame has the first for itself and the others share the rest.
    package let partsFirstFrame: Bool

    package init(gain: Tensor, offset: Tensor, partsFirstFrame: Bool) {
        precondition(gain.shape == offset.shape && gain.shape.rank == 4, "\(gain.shape) and \(offset.shape)")
        self.gain = gain
        self.offset = offset
        self.partsFirstFrame = partsFirstFrame
    }
}

/// Cosine and sine, f32 `[tokens, headDim / 2]` each.
package struct RotaryTable {
    package let cosine: Tensor
    package let sine: Tensor

    package init(cosine: Tensor, sine: Tensor) {
        self.cosine = cosine
        self.sine = sine
    }
}

/// Extent of a patch in time, height and width.
package struct PatchSize: Hashable, Sendable {
    package let time: Int
    package let height: Int
    package let width: Int

    package init(time: Int, height: Int, width: Int) {
        self.time = time
        self.height = height
        self.width = width
    }

    package var volume: Int { time * height * width }
}

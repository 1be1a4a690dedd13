/// What every backend demands of the shapes it is given, before any work.
extension Backend {
    package func checkAttention(_ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, into out: Tensor) {
        let width = q.shape.last
        precondition(width % heads == 0 && k.shape.last == width, "\(heads) heads in q \(q.shape), k \(k.shape)")
        precondition(k.shape == v.shape && q.count == out.count, "k \(k.shape), v \(v.shape), out \(out.shape)")
        precondition(
            q.dtype == k.dtype && q.dtype == v.dtype && q.dtype == out.dtype,
            "attention on \(q.dtype), \(k.dtype), \(v.dtype) into \(out.dtype)")
    }

    package func checkBlocks(_ q: Tensor, _ k: Tensor, heads: Int, _ blocks: BlockList) {
        precondition(
            blocks.heads == heads && blocks.queries == q.shape.rows && blocks.keys == k.shape.rows,
            "blocks of \(blocks.heads) heads, \(blocks.queries) × \(blocks.keys) for \(heads), \(q.shape) × \(k.shape)")
    }

    package func checkConvolution(
        _ x: Tensor, history: [Tensor?], _ weight: ConvolutionWeight, _ window: Window, into out: Tensor
    ) {
        let kernel = weight.kernel
        precondition(
            x.shape.rank == 4 && x.shape.last == weight.inChannels && x.dtype == weight.dtype,
            "convolution of \(x.shape) \(x.dtype) by \(weight.inChannels) channels \(weight.dtype)")
        let extent = window.extent(of: Array(x.shape.dims.dropLast()), kernel: kernel)
        precondition(
            out.shape == Shape(extent + [weight.outChannels]),
            "convolution of \(x.shape) by \(kernel) in \(window) into \(out.shape)")
        precondition(
            window.axes.allSatisfy { $0.stride > 0 && $0.dilation > 0 && $0.before >= 0 && $0.after >= 0 },
            "window \(window)")
        // So that each result sees a frame of x, whatever the history.
        precondition(
            window.time.after == 0 && window.time.before <= (kernel[0] - 1) * window.time.dilation,
            "window \(window) of a kernel \(kernel)")
        precondition(
            kernel != [1, 1, 1] || window == .causal(kernel), "window \(window) of a kernel of one place")
        precondition(history.count == window.time.before, "\(history.count) frames before a window \(window)")
        for case let frame? in history {
            precondition(
                frame.shape.dims == Array(x.shape.dims.dropFirst()) && frame.dtype == x.dtype,
                "a frame \(frame.shape) \(frame.dtype) before \(x.shape) \(x.dtype)")
        }
    }

    package func checkAdd(_ x: Tensor, into out: Tensor) {
        precondition(
            x.count == out.count && x.dtype == out.dtype, "\(x.shape) \(x.dtype) added to \(out.shape) \(out.dtype)")
    }

    /// The width of a head.
    package func checkHeads(_ x: Tensor, _ heads: Int) -> Int {
        precondition(x.shape.last % (2 * heads) == 0, "pairs in \(heads) heads of \(x.shape)")
        return x.shape.last / heads
    }

    package func checkGroupNorm(_ x: Tensor, groups: Int, _ places: PlaceVectors?, into out: Tensor) {
        precondition(x.count == out.count, "groupNorm of \(x.shape) into \(out.shape)")
        precondition(x.shape.last % groups == 0, "\(groups) groups in \(x.shape)")
        guard let places else { return }
        let (own, all) = (places.gain.shape, x.shape)
        precondition(
            all.rank == 4 && own.last == all.last && zip(own.dims, all.dims).allSatisfy { $0 > 0 && $0 <= max($1, 1) },
            "vectors of places \(own) for \(all)")
        precondition(
            !places.partsFirstFrame || all[0] == 1 || own[0] > 1, "\(own[0]) frames of vectors for \(all[0]) in parts")
    }

    package func checkGeluGate(_ gate: Tensor, _ x: Tensor, into out: Tensor) {
        precondition(
            gate.count == x.count && x.count == out.count, "geluGate of \(gate.shape), \(x.shape) into \(out.shape)")
        precondition(
            gate.dtype == x.dtype && x.dtype == out.dtype, "geluGate of \(gate.dtype), \(x.dtype) into \(out.dtype)")
    }

    package func checkFlag(_ x: Tensor, in flag: Tensor) {
        precondition(
            (x.dtype == .f32 || x.dtype == .bf16) && flag.dtype == .u8 && flag.count == 1,
            "finite numbers of \(x.dtype) in a flag \(flag.shape) \(flag.dtype)")
    }
}

extension Backend {
    package func upload(_ shape: Shape, by make: () -> [Float]) throws(ComputeError) -> Tensor {
        try upload(make(), shape)
    }

    package func layerNorm(
        _ x: Tensor, gain: Tensor?, offset: Tensor?, eps: Float, into out: Tensor
    ) throws(ComputeError) {
        try layerNorm(x, gain: gain, offset: offset, runs: .even, eps: eps, into: out)
    }

    package func groupNorm(
        _ x: Tensor, groups: Int, gain: Tensor, offset: Tensor, eps: Float, silu: Bool, into out: Tensor
    ) throws(ComputeError) {
        try groupNorm(
            x, groups: groups, gain: gain, offset: offset, places: nil, eps: eps, silu: silu, into: out)
    }

    /// Convolution with stride 1 that sees only the past, with zeros around height and width so that both stay.
    package func convolution(
        _ x: Tensor, history: [Tensor?], _ weight: ConvolutionWeight, bias: Tensor?, accumulate: Bool, into out: Tensor
    ) throws(ComputeError) {
        try convolution(
            x, history: history, weight, window: .causal(weight.kernel), bias: bias, accumulate: accumulate, into: out)
    }
}

extension Backend {
    package func doublingWeight(_ stored: StoredTensor, for dtype: DType) throws(ComputeError) -> ConvolutionWeight? {
        nil
    }

    package func doublingConvolution(
        _ x: Tensor, _ weight: ConvolutionWeight, bias: Tensor?, into out: Tensor
    ) throws(ComputeError) {
        preconditionFailure("\(name) has no weights for that")
    }
}

import CKernels
package import Compute

extension CUDABackend {
    package func layerNorm(
        _ x: Tensor, gain: Tensor?, offset: Tensor?, runs: RowRuns, eps: Float, into out: Tensor
    ) throws(ComputeError) {
        precondition(x.dtype == .f32 && x.count == out.count, "layerNorm of \(x.shape) into \(out.shape)")
        let width = x.shape.last
        for part in runs.parts(rows: x.shape.rows, width: width, [gain, offset]) {
            try norm(
                "layer_norm", x.rows(part.rows), gain: gain?.vector(part.index, width: width),
                offset: offset?.vector(part.index, width: width), eps: eps,
                into: out.reshaped(x.shape).rows(part.rows))
        }
    }

    package func layerNormRotary(
        _ x: Tensor, gain: Tensor, offset: Tensor, eps: Float, heads: Int, rotary: RotaryTable?
    ) throws(ComputeError) {
        let headDim = checkHeads(x, heads)
        let rows = x.shape.rows
        guard x.count > 0 else { return }
        var arguments = ck_layer_norm_rotary_arguments()
        arguments.x = address(x)
        arguments.gain = floats(gain, count: headDim, "gain")
        arguments.offset = floats(offset, count: headDim, "offset")
        if let rotary {
            arguments.cosine = floats(rotary.cosine, count: rows * headDim / 2, "cosine")
            arguments.sine = floats(rotary.sine, count: rows * headDim / 2, "sine")
        }
        (arguments.rows, arguments.heads) = (Int32(rows), Int32(heads))
        (arguments.head_dim, arguments.eps) = (Int32(headDim), eps)
        try launchNorm("layer_norm_rotary_\(x.dtype)", rows: rows * heads, width: headDim, arguments)
    }

    package func rmsNorm(_ x: Tensor, gain: Tensor, eps: Float, into out: Tensor) throws(ComputeError) {
        precondition(x.count == out.count, "rmsNorm of \(x.shape) into \(out.shape)")
        try norm("rms_norm", x, gain: gain, eps: eps, into: out)
    }

    package func rmsNormRotary(
        _ x: Tensor, gain: Tensor, eps: Float, heads: Int, rotary: RotaryTable?
    ) throws(ComputeError) {
        let (rows, width) = (x.shape.rows, x.shape.last)
        precondition(width % heads == 0, "\(heads) heads in rows of \(width)")
        guard let rotary else { return try rmsNorm(x, gain: gain, eps: eps, into: x) }
        guard x.count > 0 else { return }
        let pairs = rows * (width / heads / 2)
        var arguments = ck_norm_rotary_arguments()
        arguments.x = address(x)
        arguments.gain = floats(gain, count: width, "gain")
        arguments.cosine = floats(rotary.cosine, count: pairs, "cosine")
        arguments.sine = floats(rotary.sine, count: pairs, "sine")
        (arguments.rows, arguments.heads) = (Int32(rows), Int32(heads))
        arguments.head_dim = Int32(width / heads)
        arguments.eps = eps
        try launchNorm("rms_norm_rotary_\(x.dtype)", rows: rows, width: width, arguments)
    }

    package func channelNorm(_ x: Tensor, gain: Tensor, silu: Bool, into out: Tensor) throws(ComputeError) {
        precondition(x.count == out.count, "channelNorm of \(x.shape) into \(out.shape)")
        try norm("channel_norm", x, gain: gain, silu: silu, into: out)
    }

    package func groupNorm(
        _ x: Tensor, groups: Int, gain: Tensor, offset: Tensor, places: PlaceVectors?, eps: Float, silu: Bool,
        into out: Tensor
    ) throws(ComputeError) {
        let (positions, channels) = (x.shape.rows, x.shape.last)
        checkGroupNorm(x, groups: groups, places, into: out)
        precondition(channels <= CK_GROUP_NORM_CHANNELS, "\(channels) channels")
        guard x.count > 0 else { return }
        let piece = max(1, CK_GROUP_NORM_PIECE / channels)
        let blocks = (positions + piece - 1) / piece
        let partial = try allocate([2, groups, blocks], .f32)
        let channel = try allocate([2, channels], .f32)
        var arguments = ck_group_norm_arguments()
        (arguments.out, arguments.x) = (address(out), address(x))
        arguments.gain = floats(gain, count: channels, "gain")
        arguments.offset = floats(offset, count: channels, "offset")
        (arguments.partial, arguments.channel) = (address(partial), address(channel))
        arguments.positions = Int64(positions)
        (arguments.channels, arguments.groups) = (Int32(channels), Int32(groups))
        (arguments.piece, arguments.eps, arguments.silu) = (Int32(piece), eps, silu ? 1 : 0)
        if let places { place(places, x.shape, in: &arguments) }
        for (name, blocks) in [
            ("group_norm_statistics_\(x.dtype)", blocks), ("group_norm_merge", groups),
            ("group_norm_apply_\(x.dtype)_\(out.dtype)", blocks),
        ] {
            try launch(
                name, of: "norm", blocks: blocks, threads: CK_NORM_THREADS, shared: CK_GROUP_NORM_SHARED, arguments)
        }
    }

    private func place(_ places: PlaceVectors, _ x: Shape, in arguments: inout ck_group_norm_arguments) {
        let own = places.gain.shape
        arguments.place_gain = floats(places.gain, count: own.count, "gains")
        arguments.place_offset = floats(places.offset, count: own.count, "offsets")
        arguments.parts_first_frame = places.partsFirstFrame ? 1 : 0
        (arguments.frames, arguments.height, arguments.width) = (Int32(x[0]), Int32(x[1]), Int32(x[2]))
        (arguments.place_frames, arguments.place_height) = (Int32(own[0]), Int32(own[1]))
        arguments.place_width = Int32(own[2])
    }

    private func norm(
        _ name: String, _ x: Tensor, gain: Tensor?, offset: Tensor? = nil, eps: Float = 0, silu: Bool = false,
        into out: Tensor
    ) throws(ComputeError) {
        let (rows, width) = (x.shape.rows, x.shape.last)
        guard x.count > 0 else { return }
        var arguments = ck_norm_arguments()
        (arguments.out, arguments.x) = (address(out), address(x))
        if let gain { arguments.gain = floats(gain, count: width, "gain") }
        if let offset { arguments.offset = floats(offset, count: width, "offset") }
        (arguments.rows, arguments.width) = (Int32(rows), Int32(width))
        arguments.eps = eps
        arguments.silu = silu ? 1 : 0
        try launchNorm("\(name)_\(x.dtype)_\(out.dtype)", rows: rows, width: width, arguments)
    }

    /// As many threads to a row as hold it, a power of two.
    private func launchNorm<Arguments>(
        _ name: String, rows: Int, width: Int, _ arguments: Arguments
    ) throws(ComputeError) {
        precondition(width <= CK_NORM_WIDTH, "a norm over \(width) elements")
        var threads = 1
        while threads * CK_NORM_HELD < width { threads *= 2 }
        let rowsPerBlock = CK_NORM_THREADS / threads
        try launch(
            name, of: "norm", blocks: (rows + rowsPerBlock - 1) / rowsPerBlock, threads: CK_NORM_THREADS,
            shared: CK_NORM_SHARED, arguments)
    }

    /// Probabilities of scores; used between the two products of an attention.
    func softmax(_ arguments: ck_softmax_arguments, _ dtype: DType) throws(ComputeError) {
        let rows = Int(arguments.batch) * Int(arguments.queries)
        let rowsPerBlock = Int(arguments.keys) <= CK_SOFTMAX_WARP_KEYS ? CK_SOFTMAX_THREADS / 32 : 1
        try launch(
            "softmax_\(dtype)", of: "softmax", blocks: (rows + rowsPerBlock - 1) / rowsPerBlock,
            threads: CK_SOFTMAX_THREADS, shared: CK_SOFTMAX_SHARED, arguments)
    }
}

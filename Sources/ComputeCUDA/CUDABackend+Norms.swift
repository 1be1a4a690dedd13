import CKernels
package import Compute

extension CUDABackend {
    package func layerNorm(
        _ x: Tensor, gain: Tensor?, offset: Tensor?, eps: Float, into out: Tensor
    ) throws(ComputeError) {
        precondition(x.dtype == .f32 && x.count == out.count, "layerNorm of \(x.shape) into \(out.shape)")
        try norm("layer_norm", x, gain: gain, offset: offset, eps: eps, into: out)
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
        guard x.count > 0 else { return }
        var arguments = ck_norm_rotary_arguments()
        arguments.x = address(x)
        arguments.gain = floats(gain, count: width, "gain")
        if let rotary {
            let count = rows * (width / heads / 2)
            arguments.cosine = floats(rotary.cosine, count: count, "cosine")
            arguments.sine = floats(rotary.sine, count: count, "sine")
        }
        (arguments.rows, arguments.heads) = (Int32(rows), Int32(heads))
        arguments.head_dim = Int32(width / heads)
        arguments.eps = eps
        try launchNorm("rms_norm_rotary_\(x.dtype)", rows: rows, width: width, arguments)
    }

    package func channelNorm(_ x: Tensor, gain: Tensor, silu: Bool, into out: Tensor) throws(ComputeError) {
        precondition(x.count == out.count, "channelNorm of \(x.shape) into \(out.shape)")
        try norm("channel_norm", x, gain: gain, silu: silu, into: out)
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

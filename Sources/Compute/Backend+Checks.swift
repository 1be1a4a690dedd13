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

    package func checkConvolution(_ x: Tensor, history: [Tensor?], _ weight: ConvolutionWeight, into out: Tensor) {
        precondition(
            x.shape.rank == 4 && x.shape.last == weight.inChannels && x.dtype == weight.dtype,
            "convolution of \(x.shape) \(x.dtype) by \(weight.inChannels) channels \(weight.dtype)")
        precondition(
            out.shape == [x.shape[0], x.shape[1], x.shape[2], weight.outChannels], "convolution into \(out.shape)")
        precondition(history.count == weight.kernel[0] - 1, "\(history.count) frames before a kernel \(weight.kernel)")
        for case let frame? in history {
            precondition(
                frame.shape.dims == Array(x.shape.dims.dropFirst()) && frame.dtype == x.dtype,
                "a frame \(frame.shape) \(frame.dtype) before \(x.shape) \(x.dtype)")
        }
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

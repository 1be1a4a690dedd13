import CKernels
package import Compute

extension CUDABackend {
    package func silu(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        precondition(x.count == out.count, "silu of \(x.shape) into \(out.shape)")
        try elementwise("silu_\(x.dtype)_\(out.dtype)", x, into: out)
    }

    package func gelu(_ x: Tensor, _ form: GELU, into out: Tensor) throws(ComputeError) {
        precondition(x.count == out.count, "GELU of \(x.shape) into \(out.shape)")
        try elementwise("gelu_\(form.kernel)_\(x.dtype)_\(out.dtype)", x, into: out)
    }

    package func add(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        checkAdd(x, into: out)
        try elementwise("add_\(x.dtype)", x, out, into: out)
    }

    package func geluGate(_ gate: Tensor, _ x: Tensor, into out: Tensor) throws(ComputeError) {
        checkGeluGate(gate, x, into: out)
        try elementwise("gelu_gate_\(x.dtype)", gate, x, into: out)
    }

    package func combine(_ terms: [(factor: Float, tensor: Tensor)], into out: Tensor) throws(ComputeError) {
        precondition((1...4).contains(terms.count) && out.dtype == .f32, "\(terms.count) terms into \(out.dtype)")
        guard out.count > 0 else { return }
        let addresses = terms.map { floats($0.tensor, count: out.count, "term") } + [0, 0, 0]
        let factors = terms.map(\.factor) + [0, 0, 0]
        var arguments = ck_combine_arguments()
        arguments.out = address(out)
        arguments.term = (addresses[0], addresses[1], addresses[2], addresses[3])
        arguments.factor = (factors[0], factors[1], factors[2], factors[3])
        arguments.count = Int64(out.count)
        arguments.terms = Int32(terms.count)
        try launchPieces("combine", of: "elementwise", elements: out.count, arguments)
    }

    package func flagNonFinite(_ x: Tensor, in flag: Tensor) throws(ComputeError) {
        checkFlag(x, in: flag)
        var arguments = ck_elementwise_arguments()
        (arguments.out, arguments.x) = (address(flag), address(x))
        arguments.count = Int64(x.count)
        try launchPieces("flag_non_finite_\(x.dtype)", of: "elementwise", elements: x.count, arguments)
    }

    func elementwise(_ name: String, _ x: Tensor, _ y: Tensor? = nil, into out: Tensor) throws(ComputeError) {
        guard out.count > 0 else { return }
        var arguments = ck_elementwise_arguments()
        (arguments.out, arguments.x) = (address(out), address(x))
        if let y { arguments.y = address(y) }
        arguments.count = Int64(out.count)
        try launchPieces(name, of: "elementwise", elements: out.count, arguments)
    }

    /// Blocks of a fixed size over `rows` rows of `elements`; see CK_PIECE.
    func launchPieces<Arguments>(
        _ name: String, of module: String, rows: Int = 1, elements: Int, _ arguments: Arguments
    ) throws(ComputeError) {
        let pieces = (elements + CK_PIECE - 1) / CK_PIECE
        guard rows * pieces > 0 else { return }
        try launch(name, of: module, blocks: rows * pieces, threads: CK_PIECE_THREADS, shared: 0, arguments)
    }
}

extension GELU {
    /// What its kernels are called by.
    fileprivate var kernel: String {
        switch self {
        case .exact: "erf"
        case .quick: "quick"
        case .tanh: "tanh"
        }
    }
}

import CKernels
package import Compute

extension CPUBackend {
    package func silu(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        precondition(x.count == out.count, "silu of \(x.shape) into \(out.shape)")
        unsafe ck_silu(target(out), out.dtype.ck, address(x), x.dtype.ck, x.count, workers)
    }

    package func gelu(_ x: Tensor, _ form: GELU, into out: Tensor) throws(ComputeError) {
        precondition(x.count == out.count, "GELU of \(x.shape) into \(out.shape)")
        unsafe ck_gelu(target(out), out.dtype.ck, address(x), x.dtype.ck, form.ck, x.count, workers)
    }

    package func add(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        checkAdd(x, into: out)
        unsafe ck_add(target(out), out.dtype.ck, address(x), x.dtype.ck, x.count, workers)
    }

    package func geluGate(_ gate: Tensor, _ x: Tensor, into out: Tensor) throws(ComputeError) {
        checkGeluGate(gate, x, into: out)
        unsafe ck_gelu_gate(target(out), address(gate), address(x), x.dtype.ck, x.count, workers)
    }

    package func combine(_ terms: [(factor: Float, tensor: Tensor)], into out: Tensor) throws(ComputeError) {
        precondition((1...4).contains(terms.count) && out.dtype == .f32, "\(terms.count) terms into \(out.dtype)")
        var pointers: [UnsafePointer<Float>?] = unsafe []
        for (_, tensor) in terms {
            unsafe pointers.append(UnsafePointer(floats(tensor, count: out.count, "term")))
        }
        unsafe ck_combine(
            target(out).assumingMemoryBound(to: Float.self), pointers, terms.map(\.factor), terms.count, out.count,
            workers)
    }

    package func flagNonFinite(_ x: Tensor, in flag: Tensor) throws(ComputeError) {
        checkFlag(x, in: flag)
        unsafe ck_flag_non_finite(
            target(flag).assumingMemoryBound(to: UInt8.self), address(x), x.dtype.ck, x.count, workers)
    }
}

extension GELU {
    /// CKernels' name of it.
    fileprivate var ck: ck_gelu_form {
        switch self {
        case .exact: CK_GELU_ERF
        case .quick: CK_GELU_QUICK
        case .tanh: CK_GELU_TANH
        }
    }
}

import COneDNN
import Compute

/// A oneDNN primitive, ready to run on any memory of the right layout.
@safe
package final class Primitive {
    let scratchBytes: Int
    /// What oneDNN calls the code that it chose.
    let implementation: String

    private let weights: Layout?
    private let oneDNN: OneDNN
    private let primitive: OpaquePointer

    /// Takes over a primitive that a function of oneDNN created for this engine.
    private init(consuming primitive: OpaquePointer, on oneDNN: OneDNN) throws(ComputeError) {
        self.oneDNN = oneDNN
        unsafe self.primitive = primitive
        unsafe scratchBytes = cdnn_primitive_scratch_bytes(primitive)
        unsafe implementation = String(cString: cdnn_primitive_implementation(primitive))
        var weights: OpaquePointer?
        do {
            try unsafe check(cdnn_primitive_weights(&weights, primitive))
        } catch {
            unsafe cdnn_primitive_destroy(primitive)
            throw error
        }
        unsafe self.weights = weights.map { unsafe Layout(consuming: $0) }
    }

    deinit { unsafe cdnn_primitive_destroy(primitive) }

    /// The primitive that `create` asks oneDNN for; nil where oneDNN has no kernel for it.
    ///
    /// Where it has none it says so, or it has a loop in plain C++, a hundred times slower than what this CPU can do.
    /// Whoever gets nil asks for something simpler or has CKernels do it. `acceptsLoop` is for what runs once.
    static func kernel(
        on oneDNN: OneDNN, acceptsLoop: Bool = false,
        _ create: (inout OpaquePointer?, _ engine: OpaquePointer) -> cdnn_result
    ) throws(ComputeError) -> Primitive? {
        var created: OpaquePointer?
        let result = try unsafe create(&created, oneDNN.engine())
        if unsafe cdnn_is_unimplemented(result) { return nil }
        try unsafe check(result)
        guard let created = unsafe created else {
            throw ComputeError.unavailable(backend: "cpu", reason: "oneDNN gave nothing")
        }
        let primitive = try unsafe Primitive(consuming: created, on: oneDNN)
        return acceptsLoop || oneDNN.acceptsImplementation(primitive.implementation) ? primitive : nil
    }

    /// Whether an implementation is one of oneDNN's loops: "ref:any", "ref_int8:any", "gemm:ref", "simple:any".
    package static func isLoop(_ implementation: String) -> Bool {
        implementation.split(separator: ":").contains { $0.hasPrefix("ref") || $0.hasPrefix("simple") }
    }

    /// The layout chosen for the weights.
    var weightsLayout: Layout {
        guard let weights else { preconditionFailure("\(implementation) has no weights") }
        return weights
    }

    /// Runs on the arrays at `addresses` and waits: x, weights, output, bias and gate as far as there are any.
    func run(_ addresses: [UnsafeMutableRawPointer], scratch: UnsafeMutableRawPointer?) throws(ComputeError) {
        guard !oneDNN.rests else { return }
        let all = unsafe addresses + (scratch.map { unsafe [$0] } ?? [])
        try unsafe check(cdnn_primitive_run(primitive, all, Int32(clamping: all.count)))
    }
}

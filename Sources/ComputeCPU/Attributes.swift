import COneDNN
import Compute

/// What a primitive does after its sums, and where its scratch memory comes from: the caller.
@safe
final class Attributes {
    /// The slot of the vector that `appendProduct` multiplies with, when that is appended first.
    static let firstFactorArgument =
        DNNL_ARG_ATTR_MULTIPLE_POST_OP_BASE | DNNL_ARG_SRC_1

    private var attributes: dnnl_primitive_attr_t?
    private var operations: dnnl_post_ops_t?

    init() throws(ComputeError) {
        try unsafe check(dnn.dnnl_primitive_attr_create(&attributes), "dnnl_primitive_attr_create")
        try unsafe check(dnn.dnnl_post_ops_create(&operations), "dnnl_post_ops_create")
    }

    deinit {
        _ = unsafe dnn.dnnl_post_ops_destroy(operations)
        _ = unsafe dnn.dnnl_primitive_attr_destroy(attributes)
    }

    /// A function of each element; `dnnl_eltwise_swish` is SiLU.
    func appendFunction(_ kind: dnnl_alg_kind_t) throws(ComputeError) {
        try unsafe check(dnn.dnnl_post_ops_append_eltwise(operations, 1, kind, 1, 0), "dnnl_post_ops_append_eltwise")
    }

    /// Multiplies with a vector.
    func appendProduct(with layout: dnnl_memory_desc_t) throws(ComputeError) {
        var layout = layout
        try unsafe check(
            dnn.dnnl_post_ops_append_binary(operations, dnnl_binary_mul, &layout), "dnnl_post_ops_append_binary")
    }

    /// Adds what the output held before.
    func appendSum() throws(ComputeError) {
        try unsafe check(dnn.dnnl_post_ops_append_sum(operations, 1), "dnnl_post_ops_append_sum")
    }

    /// oneDNN's choice for an operation with these attributes; the caller destroys it.
    func describe(_ operation: UnsafeRawPointer, on oneDNN: OneDNN) throws(ComputeError) -> dnnl_primitive_desc_t {
        try unsafe check(
            dnn.dnnl_primitive_attr_set_post_ops(attributes, operations), "dnnl_primitive_attr_set_post_ops")
        try unsafe check(
            dnn.dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
            "dnnl_primitive_attr_set_scratchpad_mode")
        var description: dnnl_primitive_desc_t?
        let status = unsafe dnn.dnnl_primitive_desc_create(&description, operation, attributes, oneDNN.engine, nil)
        try check(status, "dnnl_primitive_desc_create")
        guard let description = unsafe description else {
            throw ComputeError.failed(call: "dnnl_primitive_desc_create", status: 0, backend: "cpu")
        }
        return unsafe description
    }
}

import CKernels
package import Compute

extension CPUBackend {
    package func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, groups: TokenGroups, bias: AttentionBias?,
        into out: Tensor
    ) throws(ComputeError) {
        checkAttention(q, k, v, heads: heads, into: out)
        let width = q.shape.last
        let (queries, keys) = (q.count / width, k.count / width)
        var call = unsafe ck_attention_call()
        unsafe call.out = target(out)
        unsafe call.q = UnsafeRawPointer(address(q))
        unsafe call.k = UnsafeRawPointer(address(k))
        unsafe call.v = UnsafeRawPointer(address(v))
        unsafe call.dtype = q.dtype.ck
        unsafe (call.queries, call.keys, call.heads, call.head_dim) = (queries, keys, heads, width / heads)
        unsafe call.scale = scale
        switch groups {
        case .all: unsafe call.groups = CK_GROUPS_ALL
        case .consecutive(let length):
            precondition(queries == keys && queries % length == 0, "runs of \(length) in \(queries) tokens")
            unsafe (call.groups, call.extent) = (CK_GROUPS_CONSECUTIVE, length)
        case .strided(let stride):
            precondition(queries == keys && queries % stride == 0, "stride \(stride) in \(queries) tokens")
            unsafe (call.groups, call.extent) = (CK_GROUPS_STRIDED, stride)
        }
        switch bias {
        case .perHead(let bias):
            unsafe call.head_bias = UnsafePointer(floats(bias, count: heads * queries * keys, "bias"))
        case .perKey(let bias), .lastKey(let bias):
            unsafe call.key_bias = UnsafePointer(floats(bias, count: keys, "bias"))
        case nil: break
        }
        guard unsafe ck_attention(&call, workers) else {
            throw ComputeError.outOfMemory(requested: 0, backend: name)
        }
    }
}

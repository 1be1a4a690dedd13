import CKernels
package import Compute

/// The lists of an attention, as CKernels read them.
private final class ListStorage: Storage {
    let starts: [Int32]
    let blocks: [Int32]

    init(starts: [Int32], blocks: [Int32]) {
        self.starts = starts
        self.blocks = blocks
    }

    var byteCount: Int { 4 * (starts.count + blocks.count) }
}

extension CPUBackend {
    package func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, groups: TokenGroups, bias: AttentionBias?,
        into out: Tensor
    ) throws(ComputeError) {
        checkAttention(q, k, v, heads: heads, into: out)
        var call = unsafe call(q, k, v, heads, scale, into: out)
        let (queries, keys) = unsafe (call.queries, call.keys)
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
        try unsafe attend(&call)
    }

    package func blockList(_ lists: [[[Int]]], queries: Int, keys: Int) throws(ComputeError) -> BlockList {
        let (starts, blocks) = BlockList.flattened(lists)
        return BlockList(lists, queries: queries, keys: keys, in: ListStorage(starts: starts, blocks: blocks))
    }

    package func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, blocks: BlockList, into out: Tensor
    ) throws(ComputeError) {
        checkAttention(q, k, v, heads: heads, into: out)
        checkBlocks(q, k, heads: heads, blocks)
        guard let lists = blocks.storage as? ListStorage else { preconditionFailure("lists of another backend") }
        var call = unsafe call(q, k, v, heads, scale, into: out)
        let isDone = unsafe lists.starts.withUnsafeBufferPointer { starts in
            unsafe lists.blocks.withUnsafeBufferPointer { blocks in
                unsafe (call.block_start, call.block_index) = (starts.baseAddress, blocks.baseAddress)
                return unsafe ck_attention(&call, workers)
            }
        }
        guard isDone else { throw ComputeError.outOfMemory(requested: 0, backend: name) }
    }

    private func attend(_ call: inout ck_attention_call) throws(ComputeError) {
        guard unsafe ck_attention(&call, workers) else {
            throw ComputeError.outOfMemory(requested: 0, backend: name)
        }
    }

    private func call(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, _ heads: Int, _ scale: Float, into out: Tensor
    ) -> ck_attention_call {
        let width = q.shape.last
        var call = unsafe ck_attention_call()
        unsafe call.out = target(out)
        unsafe call.q = UnsafeRawPointer(address(q))
        unsafe call.k = UnsafeRawPointer(address(k))
        unsafe call.v = UnsafeRawPointer(address(v))
        unsafe call.dtype = q.dtype.ck
        unsafe (call.queries, call.keys) = (q.count / width, k.count / width)
        unsafe (call.heads, call.head_dim) = (heads, width / heads)
        unsafe call.scale = scale
        return unsafe call
    }
}

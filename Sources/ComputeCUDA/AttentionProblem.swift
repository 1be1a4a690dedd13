import Compute

/// The sizes of an attention, and where its tokens lie.
///
/// Token t of group g is row `g · groupStride + t · tokenStride`; queries and keys are counted in one group.
struct AttentionProblem {
    let queries: Int
    let keys: Int
    let groups: Int
    let groupStride: Int
    let tokenStride: Int
    let heads: Int
    let headDim: Int

    /// - Parameters:
    ///   - queries: rows of q, all groups together, as `keys` of k.
    init(queries: Int, keys: Int, heads: Int, headDim: Int, groups: TokenGroups) {
        self.heads = heads
        self.headDim = headDim
        switch groups {
        case .all:
            (self.groups, groupStride, tokenStride) = (1, 1, 1)
        case .consecutive(let length):
            precondition(queries == keys && queries % length == 0, "runs of \(length) in \(queries) tokens")
            (self.groups, groupStride, tokenStride) = (queries / length, length, 1)
        case .strided(let stride):
            precondition(queries == keys && queries % stride == 0, "stride \(stride) in \(queries) tokens")
            (self.groups, groupStride, tokenStride) = (stride, 1, stride)
        }
        self.queries = queries / self.groups
        self.keys = keys / self.groups
    }

    /// Distance of two rows in elements, all heads side by side.
    var width: Int { heads * headDim }
}

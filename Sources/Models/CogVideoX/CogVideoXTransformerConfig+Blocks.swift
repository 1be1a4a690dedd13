extension CogVideoXTransformerConfig {
    /// Numbers of one block in a backend's memory.
    ///
    /// Two norms of which a timestep makes gains, offsets and gates, the attention and the feed-forward.
    package var blockParameters: Int {
        let norms = 2 * (6 * dim * timeEmbedDim + 6 * dim + 2 * dim)
        let attention = 4 * dim * dim + (attentionBias ? 4 : 1) * dim + 4 * attentionHeadDim
        return norms + attention + 8 * dim * dim + 5 * dim
    }
}

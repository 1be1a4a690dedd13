/// How many numbers of one block lie in a backend's memory.
extension T5Config {
    package var blockParameters: Int { 4 * dModel * inner + 3 * dModel * dFf + 2 * dModel }
}

extension WanTransformerConfig {
    /// Two attentions, the second with keys and values for pictures where there are any, a norm, the feed-forward and
    /// the modulation.
    package var blockParameters: Int {
        let attention = 4 * (dim * dim + dim) + 2 * dim
        let pictures = imageDim == nil ? 0 : 2 * (dim * dim + dim) + dim
        return 2 * attention + pictures + 2 * dim + 2 * dim * ffnDim + ffnDim + dim + 6 * dim
    }
}

extension CogVideoXTransformerConfig {
    /// Two norms of which a timestep makes gains, offsets and gates, the attention and the feed-forward.
    package var blockParameters: Int {
        let norms = 2 * (6 * dim * timeEmbedDim + 6 * dim + 2 * dim)
        let attention = 4 * dim * dim + (attentionBias ? 4 : 1) * dim + 4 * attentionHeadDim
        return norms + attention + 8 * dim * dim + 5 * dim
    }
}

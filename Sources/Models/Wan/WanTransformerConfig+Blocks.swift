extension WanTransformerConfig {
    /// Numbers of one block in a backend's memory.
    ///
    /// Two attentions, the second with keys and values for pictures where there are any, a norm, the feed-forward and
    /// the modulation.
    package var blockParameters: Int {
        let attention = 4 * (dim * dim + dim) + 2 * dim
        let pictures = imageDim == nil ? 0 : 2 * (dim * dim + dim) + dim
        return 2 * attention + pictures + 2 * dim + 2 * dim * ffnDim + ffnDim + dim + 6 * dim
    }
}

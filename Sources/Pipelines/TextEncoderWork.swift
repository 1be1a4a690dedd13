import Models

extension ArithmeticCount {
    /// For each layer `2 n (4 d i + 3 d f) + 4 n² i` with `n` words, width `d`, heads of width `i` together and hidden
    /// width `f`.
    mutating func text(_ words: Int, _ config: T5Config) {
        linear(words, config.dModel, config.inner, times: 4 * config.numLayers)
        attention(queries: words, keys: words, width: config.inner, times: config.numLayers)
        linear(words, config.dModel, config.dFf, times: 3 * config.numLayers)
    }
}

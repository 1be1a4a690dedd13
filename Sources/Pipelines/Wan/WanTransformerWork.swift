import Compute
import Layers
import Models

/// Arithmetic of a Wan transformer with `tokens` positions, width `d` and `l` layers.
struct WanTransformerWork {
    let config: WanTransformerConfig
    /// Patches of one latent frame, and latent frames.
    let frame: Int
    let frames: Int

    /// - Parameter latents: `[C, T, H, W]`.
    init(_ config: WanTransformerConfig, latents: Shape) {
        self.config = config
        let patch = config.patch
        frame = latents[2] / patch.height * (latents[3] / patch.width)
        frames = latents[1] / patch.time
    }

    var tokens: Int { frame * frames }

    /// Rows of a text that the blocks attend to: those of its words, and one for all padding.
    func contextRows(words: Int) -> Int { min(words + 1, config.textLen) }

    /// One pass over the latents, beside a text of `words` words and so many tokens of pictures.
    func pass(words: Int, pictureTokens: Int = 0, factorized: FactorizedAttention.Step? = nil) -> ArithmeticCount {
        var count = ArithmeticCount()
        count.add(embeddings)
        count.add(selfAttention(factorized))
        count.add(crossAttention(words: words))
        count.attention(queries: tokens, keys: pictureTokens, width: config.dim, times: config.numLayers)
        count.add(feedForward)
        return count
    }

    /// Patches to tokens and back.
    private var embeddings: ArithmeticCount {
        var count = ArithmeticCount()
        count.linear(tokens, config.inChannels * config.patch.volume, config.dim)
        count.linear(tokens, config.dim, config.outChannels * config.patch.volume)
        return count
    }

    /// `8 tokens d²` for queries, keys, values and output, and `4 tokens keys d` for the attention itself: over all
    /// tokens, or in turn over those of the frame and those of the place.
    func selfAttention(_ factorized: FactorizedAttention.Step?) -> ArithmeticCount {
        var count = ArithmeticCount()
        for block in 0..<config.numLayers {
            count.linear(tokens, config.dim, config.dim, times: 4)
            if let layer = factorized?.layer(block, of: config.numLayers) {
                count.attention(pairs: layer.pairs, width: config.dim)
                continue
            }
            let keys =
                switch config.attention {
                case .full: tokens
                case .factorized: block % 2 == 0 ? frame : frames
                }
            count.attention(queries: tokens, keys: keys, width: config.dim)
        }
        return count
    }

    /// Queries and output only: keys and values are made once for each text.
    func crossAttention(words: Int) -> ArithmeticCount {
        var count = ArithmeticCount()
        count.linear(tokens, config.dim, config.dim, times: 2 * config.numLayers)
        count.attention(
            queries: tokens, keys: contextRows(words: words), width: config.dim, times: config.numLayers)
        return count
    }

    var feedForward: ArithmeticCount {
        var count = ArithmeticCount()
        count.linear(tokens, config.dim, config.ffnDim, times: 2 * config.numLayers)
        return count
    }

    /// What each text costs once: its embedding, and keys and values of every layer.
    func context(words: Int) -> ArithmeticCount {
        var count = ArithmeticCount()
        let rows = contextRows(words: words)
        count.linear(rows, config.textDim, config.dim)
        count.linear(rows, config.dim, config.dim, times: 1 + 2 * config.numLayers)
        return count
    }

    /// What pictures cost once for each expert: their embedding, and keys and values of every layer.
    func pictures(tokens: Int) -> ArithmeticCount {
        var count = ArithmeticCount()
        guard let width = config.imageDim else { return count }
        count.linear(tokens, width, width)
        count.linear(tokens, width, config.dim)
        count.linear(tokens, config.dim, config.dim, times: 2 * config.numLayers)
        return count
    }

    /// What all timesteps cost once.
    func times(_ steps: Int) -> ArithmeticCount {
        var count = ArithmeticCount()
        count.linear(steps, config.freqDim, config.dim)
        count.linear(steps, config.dim, config.dim, times: 1 + 6)
        return count
    }
}

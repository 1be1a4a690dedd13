import Compute
import Layers
import VideoTypes

extension FactorizedAttention {
    /// For a clip of so many rows of text, and latent frames of so many rows; nil where its settings ask for full
    /// attention.
    init?(_ settings: VideoSettings, text: Int = 0, frame: Int, frames: Int) {
        guard settings.sampling.attention == .factorized else { return nil }
        self.init(HeadPatterns(text: text, frame: frame, frames: frames, kept: Self.kept))
    }

    /// What it holds beside full attention: the lists of a layer as numbers and as flags, and a short clip's sample.
    static func bytes(_ settings: VideoSettings, rows: Int, heads: Int, width: Int, _ dtype: DType) -> Int {
        guard settings.sampling.attention == .factorized else { return 0 }
        let pairs = HeadPatterns.queryBlocks(rows) * HeadPatterns.keyBlocks(rows)
        return heads * (Int(kept * Double(pairs)) * 4 + pairs) + 2 * mostSampleRows * width * dtype.byteWidth
    }
}

package import Compute
package import Weights

/// The numbers of a Wan transformer, from `transformer/config.json`.
package struct WanTransformerConfig: Decodable, Sendable {
    /// Which tokens a block's self-attention joins.
    package enum AttentionKind: String, Decodable, Sendable {
        /// Every token to every token: the published checkpoints.
        case full
        /// Even blocks within a latent frame, odd blocks along time at one place.
        case factorized
    }

    package let patchSize: [Int]
    package let numAttentionHeads: Int
    package let attentionHeadDim: Int
    package let inChannels: Int
    package let outChannels: Int
    package let textDim: Int
    package let freqDim: Int
    package let ffnDim: Int
    package let numLayers: Int
    package let crossAttnNorm: Bool
    package let eps: Float
    package let imageDim: Int?
    package let addedKvProjDim: Int?
    package let posEmbedSeqLen: Int?
    package let ropeMaxSeqLen: Int
    package let attention: AttentionKind
    /// Frequencies of the coordinate channels that follow the latents in the input; nil where there are none.
    package let coordinateFeatures: Int?
    /// Rows the text is padded to with zeros.
    package let textLen: Int

    package var dim: Int { numAttentionHeads * attentionHeadDim }
    package var patch: PatchSize { PatchSize(time: patchSize[0], height: patchSize[1], width: patchSize[2]) }
    /// Coordinate channels in the input: position, sines and cosines for each of three axes.
    package var coordinateChannels: Int { coordinateFeatures.map { 3 * (1 + 2 * $0) } ?? 0 }
    /// Channels in the input that say what pictures demand of the clip: mask and latents.
    package var conditionChannels: Int { inChannels - outChannels - coordinateChannels }

    /// Tokens of one latent frame, and frames of them, in latents `[C, T, H, W]`.
    package func grid(_ latents: Shape) -> (frame: Int, frames: Int) {
        (latents[2] / patch.height * (latents[3] / patch.width), latents[1] / patch.time)
    }

    /// Rows of a text that the blocks attend to: those of its words, and one for all padding.
    package func contextRows(words: Int) -> Int { min(words + 1, textLen) }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case patchSize = "patch_size"
        case numAttentionHeads = "num_attention_heads"
        case attentionHeadDim = "attention_head_dim"
        case inChannels = "in_channels"
        case outChannels = "out_channels"
        case textDim = "text_dim"
        case freqDim = "freq_dim"
        case ffnDim = "ffn_dim"
        case numLayers = "num_layers"
        case crossAttnNorm = "cross_attn_norm"
        case eps
        case imageDim = "image_dim"
        case addedKvProjDim = "added_kv_proj_dim"
        case posEmbedSeqLen = "pos_embed_seq_len"
        case ropeMaxSeqLen = "rope_max_seq_len"
        case attention
        case coordinateFeatures = "coordinate_features"
        case textLen = "text_len"
    }

    /// What is left out is what WanTransformer3DModel takes.
    package init(from decoder: any Decoder) throws {
        let read = try decoder.container(keyedBy: CodingKeys.self)
        patchSize = try read(.patchSize, [1, 2, 2])
        numAttentionHeads = try read(.numAttentionHeads, 40)
        attentionHeadDim = try read(.attentionHeadDim, 128)
        inChannels = try read(.inChannels, 16)
        // A null means as many as come in; a field that is missing does not.
        outChannels = read.contains(.outChannels) ? try read(.outChannels, inChannels) : 16
        textDim = try read(.textDim, 4096)
        freqDim = try read(.freqDim, 256)
        ffnDim = try read(.ffnDim, 13824)
        numLayers = try read(.numLayers, 40)
        crossAttnNorm = try read(.crossAttnNorm, true)
        eps = try read(.eps, 1e-6)
        imageDim = try read.decodeIfPresent(Int.self, forKey: .imageDim)
        addedKvProjDim = try read.decodeIfPresent(Int.self, forKey: .addedKvProjDim)
        posEmbedSeqLen = try read.decodeIfPresent(Int.self, forKey: .posEmbedSeqLen)
        ropeMaxSeqLen = try read(.ropeMaxSeqLen, 1024)
        attention = try read(.attention, .full)
        coordinateFeatures = try read.decodeIfPresent(Int.self, forKey: .coordinateFeatures)
        textLen = try read(.textLen, 512)
    }

    package static let fields = FieldTable(
        read: CodingKeys.allCases.map(\.rawValue),
        // Queries and keys are normed over all heads whatever this says, as in the reference.
        fixed: ["qk_norm": ["rms_norm_across_heads", nil]])

    /// Checks every number against what can be run.
    package func validate(_ fields: ConfigFields) throws(WeightError) {
        try fields.exactly(3, patchSize, "patch_size")
        for extent in patchSize { try fields.positive(extent, "patch_size", limit: 16) }
        try fields.positive(numAttentionHeads, "num_attention_heads", limit: 1024)
        try fields.multiple(attentionHeadDim, "attention_head_dim", of: 2, limit: 1024)
        try fields.whole(attentionHeadDim, "attention_head_dim", in: 6...1024)
        try fields.positive(outChannels, "out_channels", limit: 4096)
        try fields.positive(textDim, "text_dim", limit: 65536)
        try fields.multiple(freqDim, "freq_dim", of: 2, limit: 65536)
        try fields.positive(ffnDim, "ffn_dim", limit: 1_000_000)
        try fields.positive(numLayers, "num_layers", limit: 1024)
        try fields.real(Double(eps), "eps", in: 0...1)
        try fields.positive(ropeMaxSeqLen, "rope_max_seq_len", limit: 1_000_000)
        try fields.positive(textLen, "text_len", limit: 8192)
        if let coordinateFeatures { try fields.positive(coordinateFeatures, "coordinate_features", limit: 64) }
        try fields.oneOf([true], crossAttnNorm, "cross_attn_norm")
        try fields.positive(inChannels, "in_channels", limit: 65536)
        let least = outChannels + coordinateChannels
        guard inChannels >= least else {
            throw fields.failure("in_channels", inChannels, "at least \(least), out_channels plus coordinate channels")
        }
        guard coordinateChannels == 0 || conditionChannels == 0 else {
            throw fields.failure("in_channels", inChannels, "\(least), out_channels plus coordinate channels")
        }
        try validatePictures(fields)
    }

    private func validatePictures(_ fields: ConfigFields) throws(WeightError) {
        guard let imageDim else {
            if let addedKvProjDim {
                throw fields.failure("added_kv_proj_dim", addedKvProjDim, "null without image_dim")
            }
            if let posEmbedSeqLen {
                throw fields.failure("pos_embed_seq_len", posEmbedSeqLen, "null without image_dim")
            }
            return
        }
        try fields.positive(imageDim, "image_dim", limit: 65536)
        guard addedKvProjDim == dim else {
            throw fields.failure(
                "added_kv_proj_dim", addedKvProjDim?.description ?? "null", "\(dim), the width, beside image_dim")
        }
        if let posEmbedSeqLen { try fields.multiple(posEmbedSeqLen, "pos_embed_seq_len", of: 2, limit: 65536) }
    }
}

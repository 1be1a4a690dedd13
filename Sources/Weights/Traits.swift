/// The numbers that tell published models apart.
package struct Traits: Decodable, Sendable, Equatable {
    /// The class of the Diffusers pipeline.
    package let pipeline: String
    package let layers: Int
    package let heads: Int
    package let headDim: Int
    package let inChannels: Int
    /// Where the second expert takes over, as a part of the noise; nil with one expert.
    package let boundaryRatio: Double?
    /// Whether each token has its own timestep.
    package let expandTimesteps: Bool
    /// Patch length in time; nil where patches are flat.
    package let patchSizeT: Int?
    /// Tokens of pictures whose places are told apart; nil where none are.
    package let posEmbedSeqLen: Int?

    private enum CodingKeys: String, CodingKey {
        case pipeline, layers, heads
        case headDim = "head_dim"
        case inChannels = "in_channels"
        case boundaryRatio = "boundary_ratio"
        case expandTimesteps = "expand_timesteps"
        case patchSizeT = "patch_size_t"
        case posEmbedSeqLen = "pos_embed_seq_len"
    }

    /// Those of an entry of the manifest.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        pipeline = try values.decode(String.self, forKey: .pipeline)
        layers = try values.decode(Int.self, forKey: .layers)
        heads = try values.decode(Int.self, forKey: .heads)
        headDim = try values.decode(Int.self, forKey: .headDim)
        inChannels = try values.decode(Int.self, forKey: .inChannels)
        boundaryRatio = try values.decodeIfPresent(Double.self, forKey: .boundaryRatio)
        expandTimesteps = try values.decodeIfPresent(Bool.self, forKey: .expandTimesteps) ?? false
        patchSizeT = try values.decodeIfPresent(Int.self, forKey: .patchSizeT)
        posEmbedSeqLen = try values.decodeIfPresent(Int.self, forKey: .posEmbedSeqLen)
    }

    /// The numbers of an opened folder.
    package init(_ folder: ModelFolder) throws(WeightError) {
        let index = try folder.config("model_index.json", as: ModelIndex.self)
        let transformer = try folder.config("transformer/config.json", as: Transformer.self)
        pipeline = index.className
        // What is left out is what WanTransformer3DModel takes; other classes write every number.
        layers = transformer.layers ?? 40
        heads = transformer.heads ?? 40
        headDim = transformer.headDim ?? 128
        inChannels = transformer.inChannels ?? 16
        boundaryRatio = index.boundaryRatio
        expandTimesteps = index.expandTimesteps ?? false
        patchSizeT = transformer.patchSizeT
        posEmbedSeqLen = transformer.posEmbedSeqLen
    }

    /// Whether a transformer and its use are alike, however many there are.
    package func hasTransformer(of other: Traits) -> Bool {
        pipeline == other.pipeline && layers == other.layers && heads == other.heads && headDim == other.headDim
            && inChannels == other.inChannels && expandTimesteps == other.expandTimesteps
            && patchSizeT == other.patchSizeT && posEmbedSeqLen == other.posEmbedSeqLen
    }

    private struct ModelIndex: Decodable {
        let className: String
        let boundaryRatio: Double?
        let expandTimesteps: Bool?

        private enum CodingKeys: String, CodingKey {
            case className = "_class_name"
            case boundaryRatio = "boundary_ratio"
            case expandTimesteps = "expand_timesteps"
        }
    }

    private struct Transformer: Decodable {
        let layers: Int?
        let heads: Int?
        let headDim: Int?
        let inChannels: Int?
        let patchSizeT: Int?
        let posEmbedSeqLen: Int?

        private enum CodingKeys: String, CodingKey {
            case layers = "num_layers"
            case heads = "num_attention_heads"
            case headDim = "attention_head_dim"
            case inChannels = "in_channels"
            case patchSizeT = "patch_size_t"
            case posEmbedSeqLen = "pos_embed_seq_len"
        }
    }
}

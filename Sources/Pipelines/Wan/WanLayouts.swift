import Models
import VideoTypes
import Weights

/// The ways in which files hold parts of Wan models, and what they leave unsaid.
enum WanLayouts {
    static let all =
        [
            transformer(.wanTransformer, mark: "head.modulation"),
            transformer(.wanTransformerOfDiffusers, mark: "condition_embedder.time_proj.weight"),
        ]
        + [
            vae(.wanResidualVAE, marks: ["decoder.upsamples.0.upsamples.0.residual.2.weight", "conv2.weight"]),
            vae(.wanVAE, marks: ["decoder.upsamples.0.residual.2.weight", "conv2.weight"]),
            vae(.wanVAEOfDiffusers, marks: ["decoder.mid_block.resnets.0.conv1.weight", "post_quant_conv.weight"]),
        ]
        + [
            textEncoder(.wanTextEncoder, mark: "blocks.0.attn.q.weight", "token_embedding.weight"),
            textEncoder(.t5OfGGUF, mark: "enc.blk.0.attn_q.weight", "token_embd.weight"),
            textEncoder(.t5OfHuggingFace, mark: "encoder.block.0.layer.0.SelfAttention.q.weight"),
        ]
        + [
            imageEncoder(.wanImageEncoder, mark: "visual.cls_embedding", ""),
            imageEncoder(.clipOfHuggingFace, mark: "vision_model.embeddings.class_embedding", "vision_model."),
            imageEncoder(.clipOfHuggingFace, mark: "embeddings.class_embedding", ""),
        ]

    private static func transformer(_ table: KeyTable, mark: String) -> PartLayout {
        PartLayout(
            part: .transformer, table: table,
            prefixes: ["", "model.diffusion_model.", "model.", "net.", "diffusion_model."],
            marks: [mark], architectures: ["wan"] + compatible, configuration: transformer)
    }

    /// What converters of many networks call all of them.
    private static let compatible = ["pig", "cow"]

    private static func vae(_ table: KeyTable, marks: [String]) -> PartLayout {
        PartLayout(part: .vae, table: table, prefixes: ["", "vae.", "model."], marks: marks, configuration: vae)
    }

    private static func textEncoder(_ table: KeyTable, mark: String...) -> PartLayout {
        PartLayout(
            part: .textEncoder, table: table, prefixes: ["", "text_encoders.umt5xxl.transformer."], marks: mark,
            architectures: ["t5", "t5encoder"] + compatible, configuration: textEncoder)
    }

    /// - Parameter scope: in front of the tower's own names.
    private static func imageEncoder(_ table: KeyTable, mark: String, _ scope: String) -> PartLayout {
        PartLayout(
            part: .imageEncoder, table: table, prefixes: ["", "clip_vision."], marks: [mark]
        ) { (shapes) throws(WeightError) in try imageEncoder(shapes, scope) }
    }
}

// MARK: configurations

extension WanLayouts {
    /// A `config.json` beside a transformer: the authors', or that of Diffusers.
    private struct Original: Decodable {
        let modelType: String?
        let dim: Int?
        let eps: Double?
        let ffnDim: Int?
        let freqDim: Int?
        let inDim: Int?
        let outDim: Int?
        let heads: Int?
        let attentionHeads: Int?
        let layers: Int?
        let textLen: Int?

        enum CodingKeys: String, CodingKey {
            case modelType = "model_type"
            case dim, eps
            case ffnDim = "ffn_dim"
            case freqDim = "freq_dim"
            case inDim = "in_dim"
            case outDim = "out_dim"
            case heads = "num_heads"
            case attentionHeads = "num_attention_heads"
            case layers = "num_layers"
            case textLen = "text_len"
        }
    }

    /// Heads of 128 and an epsilon of 1e-6 are in every Wan; patches are 1 x 2 x 2.
    @Sendable private static func transformer(_ shapes: PartShapes) throws(WeightError) -> JSONText {
        let dim = try shapes.shape("scale_shift_table", rank: 2).last ?? 0
        let latents = try shapes.divided(shapes.count("proj_out.bias"), by: 4, "proj_out.bias")
        let area = try shapes.divided(shapes.count("patch_embedding.weight"), by: 4, "patch_embedding.weight")
        let input = try shapes.divided(area, by: shapes.count("patch_embedding.bias"), "patch_embedding.weight")
        let layers = shapes.listCount("blocks")
        let ffn = try shapes.count("blocks.0.ffn.net.0.proj.bias")
        let text = try shapes.shape("condition_embedder.text_embedder.linear_1.weight", rank: 2)[1]
        let times = try shapes.shape("condition_embedder.time_embedder.linear_1.weight", rank: 2)[1]
        var (heads, eps, rows) = (dim / 128, 1e-6, 512)
        if let (folder, path) = shapes.config {
            let original = try folder.config(path, as: Original.self)
            let fields = ConfigFields(file: folder.fullName(path))
            for (field, value, found) in [
                ("dim", original.dim, dim), ("ffn_dim", original.ffnDim, ffn), ("freq_dim", original.freqDim, times),
                ("in_dim", original.inDim, input), ("out_dim", original.outDim, latents),
                ("num_layers", original.layers, layers),
            ] {
                if let value { try fields.oneOf([found], value, field) }
            }
            if let type = original.modelType { try fields.oneOf(["t2v", "i2v", "ti2v", "flf2v"], type, "model_type") }
            (heads, eps, rows) = (
                original.heads ?? original.attentionHeads ?? heads, original.eps ?? eps, original.textLen ?? rows
            )
        }
        guard heads > 0, dim % heads == 0 else {
            throw .derived(
                file: shapes.file, field: "width", value: "\(dim)", rule: "a multiple of the heads, \(heads)")
        }
        let image = "condition_embedder.image_embedder"
        let hasImage = shapes.contains("\(image).norm1.bias")
        let places = shapes.contains("\(image).pos_embed") ? try shapes.shape("\(image).pos_embed", rank: 2) : []
        return try .object([
            ("_class_name", .string("WanTransformer3DModel")),
            ("patch_size", .array([.integer(1), .integer(2), .integer(2)])),
            ("num_attention_heads", .integer(heads)), ("attention_head_dim", .integer(dim / heads)),
            ("in_channels", .integer(input)), ("out_channels", .integer(latents)), ("text_dim", .integer(text)),
            ("freq_dim", .integer(times)), ("ffn_dim", .integer(ffn)), ("num_layers", .integer(layers)),
            ("eps", .number(eps)), ("text_len", .integer(rows)),
            ("image_dim", hasImage ? .integer(shapes.count("\(image).norm1.bias")) : .null),
            ("added_kv_proj_dim", hasImage ? .integer(dim) : .null),
            ("pos_embed_seq_len", places.isEmpty ? .null : .integer(places[places.count - 2])),
        ])
    }

    @Sendable private static func vae(_ shapes: PartShapes) throws(WeightError) -> JSONText {
        let latents = try shapes.count("post_quant_conv.bias")
        guard let statistics = WanVAEConfig.statistics(channels: latents) else {
            throw .derived(
                file: shapes.file, field: "latent channels", value: "\(latents)",
                rule: "16 as in Wan 2.1, or 48 as in 2.2")
        }
        let pixels = try shapes.shape("encoder.conv_in.weight", rank: 2)[1]
        let patch = pixels == 12 ? 2 : 1
        return try .object([
            ("_class_name", .string("AutoencoderKLWan")),
            ("base_dim", .integer(shapes.count("encoder.conv_in.bias"))),
            ("decoder_base_dim", .integer(shapes.count("decoder.norm_out.gamma"))), ("z_dim", .integer(latents)),
            ("latents_mean", .array(statistics.mean.map { .number(Double("\($0)") ?? 0) })),
            ("latents_std", .array(statistics.deviation.map { .number(Double("\($0)") ?? 0) })),
            ("is_residual", .bool(shapes.contains("encoder.down_blocks.0.resnets.0.conv1.weight"))),
            ("in_channels", .integer(pixels)), ("out_channels", .integer(shapes.count("decoder.conv_out.bias"))),
            ("patch_size", patch == 1 ? .null : .integer(patch)), ("scale_factor_spatial", .integer(8 * patch)),
        ])
    }

    @Sendable private static func textEncoder(_ shapes: PartShapes) throws(WeightError) -> JSONText {
        let table = shapes.contains("shared.weight") ? "shared.weight" : "encoder.embed_tokens.weight"
        let words = try shapes.shape(table, rank: 2)
        let attention = "encoder.block.0.layer.0.SelfAttention"
        let bias = try shapes.shape("\(attention).relative_attention_bias.weight", rank: 2)
        let inner = try shapes.shape("\(attention).q.weight", rank: 2)[0]
        let later = "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight"
        return try .object([
            ("model_type", .string(shapes.contains(later) ? "umt5" : "t5")),
            ("vocab_size", .integer(words[0])), ("d_model", .integer(words[1])),
            ("num_heads", .integer(bias[1])),
            ("d_kv", .integer(shapes.divided(inner, by: bias[1], "\(attention).q.weight"))),
            ("d_ff", .integer(shapes.shape("encoder.block.0.layer.1.DenseReluDense.wi_0.weight", rank: 2)[0])),
            ("num_layers", .integer(shapes.listCount("encoder.block"))),
            ("relative_attention_num_buckets", .integer(bias[0])),
            ("relative_attention_max_distance", .integer(128)), ("layer_norm_epsilon", .number(1e-6)),
            ("feed_forward_proj", .string("gated-gelu")),
        ])
    }

    private static func imageEncoder(_ shapes: PartShapes, _ scope: String) throws(WeightError) -> JSONText {
        let patch = try shapes.shape("\(scope)embeddings.patch_embedding.weight", rank: 4)[2]
        let width = try shapes.count("\(scope)embeddings.class_embedding")
        let places = try shapes.divided(
            shapes.count("\(scope)embeddings.position_embedding.weight"), by: width, "position_embedding")
        let side = Int(Double(max(places - 1, 0)).squareRoot())
        guard side * side == places - 1, side <= 4096, patch <= 4096 else {
            throw .derived(
                file: shapes.file, field: "positions", value: "\(places)", rule: "one more than a square")
        }
        return try .object([
            ("model_type", .string("clip_vision_model")), ("hidden_size", .integer(width)),
            ("intermediate_size", .integer(shapes.count("\(scope)encoder.layers.0.mlp.fc1.bias"))),
            ("num_hidden_layers", .integer(shapes.listCount("\(scope)encoder.layers"))),
            ("num_attention_heads", .integer(16)), ("image_size", .integer(side * patch)),
            ("patch_size", .integer(patch)), ("hidden_act", .string("gelu")), ("layer_norm_eps", .number(1e-5)),
        ])
    }
}

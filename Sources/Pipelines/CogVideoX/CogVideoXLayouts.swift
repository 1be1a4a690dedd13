import Models
import VideoTypes
import Weights

/// The ways in which files hold parts of CogVideoX models; what shapes leave unsaid is in the folder of the model.
enum CogVideoXLayouts {
    /// Names of Diffusers in one file, of any format.
    static let all = [
        PartLayout(
            part: .transformer, table: table,
            prefixes: ["", "model.diffusion_model.", "diffusion_model.", "transformer."],
            marks: [
                "patch_embed.text_proj.weight", "time_embedding.linear_1.weight",
                "transformer_blocks.0.norm2.linear.weight",
            ], needsFolder: true, configuration: transformer),
        PartLayout(
            part: .vae, table: table, prefixes: ["", "vae.", "first_stage_model."],
            marks: ["decoder.mid_block.resnets.0.norm1.conv_y.conv.weight", "decoder.conv_in.conv.weight"],
            needsFolder: true, configuration: vae),
    ]

    private static let table = KeyTable(own: "names of Diffusers")

    @Sendable private static func transformer(_ shapes: PartShapes) throws(WeightError) -> JSONText {
        let patches = try shapes.shape("patch_embed.proj.weight", rank: 2)
        return try .object([
            ("_class_name", .string("CogVideoXTransformer3DModel")),
            // Patches with a length in time are projected as rows of numbers, whose channels cannot be told.
            ("in_channels", patches.count == 4 ? .integer(patches[1]) : .null),
            ("text_embed_dim", .integer(shapes.shape("patch_embed.text_proj.weight", rank: 2)[1])),
            ("time_embed_dim", .integer(shapes.count("time_embedding.linear_1.bias"))),
            ("num_layers", .integer(shapes.listCount("transformer_blocks"))),
        ])
    }

    @Sendable private static func vae(_ shapes: PartShapes) throws(WeightError) -> JSONText {
        try .object([
            ("_class_name", .string("AutoencoderKLCogVideoX")),
            ("latent_channels", .integer(shapes.shape("decoder.conv_in.conv.weight", rank: 2)[1])),
        ])
    }

    /// Layouts that are known by name, and not read: the end of a name that each has.
    static let unread = [
        (
            mark: "mixins.final_layer.adaLN_modulation.1.weight",
            meaning: "CogVideoX as its authors train it (SAT), in names of its own"
        ),
        (
            mark: "decoder.up.0.block.0.norm1.conv_y.conv.weight",
            meaning: "the autoencoder of CogVideoX as its authors train it (SAT), in names of its own"
        ),
    ]
}

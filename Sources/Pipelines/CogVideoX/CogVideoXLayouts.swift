/// Layouts of CogVideoX that are known by name, and not read.
enum CogVideoXLayouts {
    /// The end of a name that each has.
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

package import Weights

extension KeyTable {
    /// The autoencoder of Wan 2.1 as its authors name it: the levels of each half are one list.
    package static let wanVAE = KeyTable(
        layout: "original names, 2.1", rows: common + encoder + decoder)

    /// That of Wan 2.2: each level is a list of its own, with the resampling at its end.
    package static let wanResidualVAE = KeyTable(
        layout: "original names, 2.2",
        rows: common
            + Row.below(
                "encoder.down_blocks.*", "encoder.downsamples.*.downsamples",
                Row.below("resnets.*", "*", block) + [Row("downsampler", "2")])
            + Row.below(
                "decoder.up_blocks.*", "decoder.upsamples.*.upsamples",
                Row.below("resnets.*", "*", block) + [Row("upsampler", "3")]))

    /// Either as Diffusers names it, in a file by itself.
    package static let wanVAEOfDiffusers = KeyTable(own: "names of Diffusers")

    private static let common =
        [Row("quant_conv", "conv1"), Row("post_quant_conv", "conv2")]
        + ["encoder", "decoder"].flatMap { half in
            Row.below(
                half, half,
                [
                    Row("conv_in", "conv1"), Row("norm_out", "head.0"), Row("conv_out", "head.2"),
                    Row("mid_block.attentions.0", "middle.1"),
                ] + Row.below("mid_block.resnets.0", "middle.0", block)
                    + Row.below("mid_block.resnets.1", "middle.2", block))
        }

    /// Of a residual block.
    private static let block = [
        Row("norm1", "residual.0"), Row("conv1", "residual.2"), Row("norm2", "residual.3"),
        Row("conv2", "residual.6"), Row("conv_shortcut", "shortcut"),
    ]

    private static let encoder = Row.below(
        "encoder.down_blocks.*", "encoder.downsamples.*",
        block + [Row("resample", "resample"), Row("time_conv", "time_conv")])

    /// Three blocks and an upsampler a level, of which the last has none.
    private static let decoder = (0..<4).flatMap { level in
        (0..<3).flatMap { index in
            Row.below(
                "decoder.up_blocks.\(level).resnets.\(index)", "decoder.upsamples.\(4 * level + index)", block)
        } + [Row("decoder.up_blocks.\(level).upsamplers.0", "decoder.upsamples.\(4 * level + 3)")]
    }
}

import Models

/// Arithmetic of the decoder.
///
/// Latent frames go through one at a time. The first stays one frame; each later one is doubled by every block that
/// doubles frames, before that block enlarges it. A convolution of kernel `t·h·w` costs `2 · in · out · t·h·w` for each
/// position of its result. Rows that are computed twice where a frame is enlarged in bands are left out: less than a
/// hundredth of a large clip.
struct WanDecoderWork {
    let config: WanVAEConfig

    /// A clip of `frames` latent frames of `height` x `width`.
    func clip(frames: Int, height: Int, width: Int) -> ArithmeticCount {
        var count = latentFrame(height * width, isFirst: true)
        count.add(latentFrame(height * width, isFirst: false), times: frames - 1)
        return count
    }

    /// - Parameter positions: height times width in latent positions.
    private func latentFrame(_ positions: Int, isFirst: Bool) -> ArithmeticCount {
        var count = ArithmeticCount()
        let dims = config.decoderDims
        count.linear(positions, config.zDim, config.zDim)
        count.convolution(positions, config.zDim, dims[0], taps: 27)
        middle(positions, dims[0], &count)
        var (positions, frames) = (positions, 1)
        for index in config.dimMult.indices {
            let (input, output) = (inChannels(index), dims[index + 1])
            for block in 0...config.numResBlocks {
                residual(frames * positions, block == 0 ? input : output, output, &count)
            }
            guard let doublesFrames = config.doublesFrames(upBlock: index) else { continue }
            if doublesFrames, !isFirst {
                count.convolution(frames * positions, output, 2 * output, taps: 3)
                frames *= 2
            }
            positions *= 4
            count.convolution(frames * positions, output, config.isResidual ? output : output / 2, taps: 9)
        }
        count.convolution(frames * positions, dims[dims.count - 1], config.outChannels, taps: 27)
        return count
    }

    /// In Wan 2.1 the block before has halved the channels.
    private func inChannels(_ index: Int) -> Int {
        index > 0 && !config.isResidual ? config.decoderDims[index] / 2 : config.decoderDims[index]
    }

    private func residual(_ positions: Int, _ input: Int, _ output: Int, _ count: inout ArithmeticCount) {
        count.convolution(positions, input, output, taps: 27)
        count.convolution(positions, output, output, taps: 27)
        if input != output { count.linear(positions, input, output) }
    }

    /// Two residual blocks around the attention of one head over all positions.
    private func middle(_ positions: Int, _ width: Int, _ count: inout ArithmeticCount) {
        residual(positions, width, width, &count)
        residual(positions, width, width, &count)
        count.linear(positions, width, width, times: 4)
        count.attention(queries: positions, keys: positions, width: width)
    }
}

import Compute
import Models
import Sampling
import Tokenizers
package import VideoTypes

extension WanModel {
    /// What a clip costs in arithmetic and memory.
    package func work(_ settings: VideoSettings, on device: DeviceProfile) -> WorkEstimate {
        let memory = memoryEstimate(settings, on: device)
        let (texts, clip) = (texts(settings), settings.clip)
        return WorkEstimate(
            tokens: TransformerWork(components.transformer, latents: latentShape(settings)).tokens,
            passes: settings.sampling.steps * texts.count,
            decodedPixels: clip.frames * clip.width * clip.height,
            flops: [
                .text: textWork(texts).total, .denoise: denoiseWork(settings, texts).total,
                .decode: decodeWork(settings).total,
            ],
            peakBytes: [
                .load: components.weights(dtype: device.dtype, copies: device.copiesWeights).largest,
                .text: memory.text, .denoise: memory.denoise, .decode: memory.decode,
            ])
    }

    /// Words of each text that is encoded: of the prompt, and of the negative prompt where guidance needs it.
    private func texts(_ settings: VideoSettings) -> [Int] {
        let texts = [settings.prompts.positive] + (Guidance.isNeeded(settings) ? [settings.prompts.negative] : [])
        return texts.map { min(tokenCount($0), tokenLimit) }
    }

    /// For each layer `2 n (4 d i + 3 d f) + 4 n² i` with `n` words, width `d`, heads of width `i` together and hidden
    /// width `f`.
    private func textWork(_ texts: [Int]) -> ArithmeticCount {
        let config = components.textEncoder
        var count = ArithmeticCount()
        for words in texts {
            count.linear(words, config.dModel, config.inner, times: 4 * config.numLayers)
            count.attention(queries: words, keys: words, width: config.inner, times: config.numLayers)
            count.linear(words, config.dModel, config.dFf, times: 3 * config.numLayers)
        }
        return count
    }

    private func denoiseWork(_ settings: VideoSettings, _ texts: [Int]) -> ArithmeticCount {
        let plan = DenoisePlan(settings, components)
        let latents = latentShape(settings)
        var count = ArithmeticCount()
        for run in plan.runs {
            let work = TransformerWork(components.transformer(expert: run.expert), latents: latents)
            count.add(work.times(run.steps.count))
            for words in texts {
                count.add(work.context(words: words))
                count.add(work.pass(words: words), times: run.steps.count)
            }
        }
        return count
    }

    private func decodeWork(_ settings: VideoSettings) -> ArithmeticCount {
        let shape = latentShape(settings)
        let (height, width, scale) = (shape[2], shape[3], components.vae.scaleFactorSpatial)
        let work = DecoderWork(config: components.vae)
        guard settings.tilesVAE, TiledDecoder.isNeeded(height: height, width: width, scale: scale) else {
            return work.clip(frames: shape[1], height: height, width: width)
        }
        var count = ArithmeticCount()
        for rows in TiledDecoder.ranges(height, scale: scale) {
            for columns in TiledDecoder.ranges(width, scale: scale) {
                count.add(work.clip(frames: shape[1], height: rows.count, width: columns.count))
            }
        }
        return count
    }
}

extension Guidance {
    static func isNeeded(_ settings: VideoSettings) -> Bool {
        isNeeded(Float(settings.sampling.guidance(ofExpert: 0)))
    }
}

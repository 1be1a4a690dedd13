import Compute
import Models
import Sampling
import VideoTypes

extension WanModel {
    func work(_ settings: VideoSettings, on device: DeviceProfile) -> WorkEstimate {
        let texts = texts(settings)
        return WorkEstimate(
            tokens: WanTransformerWork(components.transformer, latents: latentShape(settings)).tokens,
            passes: settings.sampling.steps * texts.count,
            decodedPixels: settings.clip.frames * settings.clip.width * settings.clip.height,
            flops: [
                .text: textWork(texts).total, .denoise: denoiseWork(settings, texts).total,
                .decode: decodeWork(settings).total,
            ],
            peakBytes: memory(settings, on: device).peaks)
    }

    /// Words of each text that is encoded: of the prompt, and of the negative prompt where guidance needs it.
    private func texts(_ settings: VideoSettings) -> [Int] {
        let texts = [settings.prompts.positive] + (Guidance.isNeeded(settings) ? [settings.prompts.negative] : [])
        return texts.map { min(tokenCount($0), tokenLimit) }
    }

    private func textWork(_ texts: [Int]) -> ArithmeticCount {
        var count = ArithmeticCount()
        for words in texts { count.text(words, components.textEncoder) }
        return count
    }

    private func denoiseWork(_ settings: VideoSettings, _ texts: [Int]) -> ArithmeticCount {
        let plan = plan(settings)
        let latents = latentShape(settings)
        var count = ArithmeticCount()
        for run in plan.runs {
            let work = WanTransformerWork(components.transformer(expert: run.expert), latents: latents)
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
        let (height, width) = (shape[2], shape[3])
        let work = WanDecoderWork(config: components.vae)
        let tiling = components.vae.tiling
        guard settings.tilesVAE, tiling.isNeeded(height: height, width: width) else {
            return work.clip(frames: shape[1], height: height, width: width)
        }
        var count = ArithmeticCount()
        for rows in tiling.rows.ranges(height) {
            for columns in tiling.columns.ranges(width) {
                count.add(work.clip(frames: shape[1], height: rows.count, width: columns.count))
            }
        }
        return count
    }
}

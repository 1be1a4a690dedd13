import Compute
import Layers
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
                .text: textWork(texts).total + pictureWork(settings).total,
                .denoise: denoiseWork(settings, texts).total,
                .decode: decodeWork(settings).total,
            ],
            peakBytes: memory(settings, on: device).peaks)
    }

    /// Words of each text that is encoded: of the prompt, and of the negative prompt where guidance needs it.
    func texts(_ settings: VideoSettings) -> [Int] {
        let texts = [settings.prompts.positive] + (Guidance.isNeeded(settings) ? [settings.prompts.negative] : [])
        return texts.map { min(tokenCount($0), tokenLimit) }
    }

    private func textWork(_ texts: [Int]) -> ArithmeticCount {
        var count = ArithmeticCount()
        for words in texts { count.text(words, components.textEncoder) }
        return count
    }

    /// How many tokens an image encoder makes of the clip's pictures.
    func pictureTokens(_ settings: VideoSettings) -> Int {
        shownFrames(settings).count { $0.role != nil } * (components.imageEncoder?.tokens ?? 0)
    }

    private func pictureWork(_ settings: VideoSettings) -> ArithmeticCount {
        var count = WanEncoderWork(config: components.vae).clip(
            shownFrames(settings).map(\.count), height: settings.clip.height, width: settings.clip.width)
        guard let tower = components.imageEncoder else { return count }
        for _ in shownFrames(settings).filter({ $0.role != nil }) {
            let (tokens, width) = (tower.tokens, tower.hiddenSize)
            count.linear(tokens - 1, 3 * tower.patchSize * tower.patchSize, width)
            count.linear(tokens, width, width, times: 4 * tower.layersRead)
            count.attention(queries: tokens, keys: tokens, width: width, times: tower.layersRead)
            count.linear(tokens, width, tower.intermediateSize, times: 2 * tower.layersRead)
        }
        return count
    }

    private func denoiseWork(_ settings: VideoSettings, _ texts: [Int]) -> ArithmeticCount {
        let plan = plan(settings)
        let latents = latentShape(settings)
        var count = ArithmeticCount()
        for run in plan.runs {
            let work = WanTransformerWork(components.transformer(expert: run.expert), latents: latents)
            // A frame that is held has a time of its own.
            let isHeld = components.index.expandTimesteps && !shownFrames(settings).isEmpty
            count.add(work.times(run.steps.count * (isHeld ? 2 : 1)))
            let pictures = pictureTokens(settings)
            count.add(work.pictures(tokens: pictures))
            for words in texts { count.add(work.context(words: words)) }
            let factorized = FactorizedAttention(settings, frame: work.frame, frames: work.frames)
            for step in run.steps {
                for words in texts {
                    let sparse = factorized?.step(step, of: plan.stepCount)
                    count.add(work.pass(words: words, pictureTokens: pictures, factorized: sparse))
                }
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

import Models
import Sampling
import VideoTypes

extension WanModel {
    func work(_ settings: VideoSettings, on device: DeviceProfile) -> WorkEstimate {
        let grid = components.transformer.grid(latentShape(settings))
        return WorkEstimate(
            tokens: grid.frame * grid.frames, passes: settings.sampling.steps * texts(settings).count,
            decodedPixels: settings.clip.frames * settings.clip.width * settings.clip.height,
            flops: DryRun(self, settings, on: device).flops,
            peakBytes: memory(settings, on: device).peaks)
    }

    /// Words of each text that is encoded: of the prompt, and of the negative prompt where guidance needs it.
    func texts(_ settings: VideoSettings) -> [Int] {
        let texts = [settings.prompts.positive] + (Guidance.isNeeded(settings) ? [settings.prompts.negative] : [])
        return texts.map { min(tokenCount($0), tokenLimit) }
    }

    /// How many tokens an image encoder makes of the clip's pictures.
    func pictureTokens(_ settings: VideoSettings) -> Int {
        shownFrames(settings).count { $0.role != nil } * (components.imageEncoder?.tokens ?? 0)
    }
}

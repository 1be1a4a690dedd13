import JobStore
import VideoTypes

/// Orders for small clips.
enum FakeOrder {
    static func settings(seed: UInt64, steps: Int = 4, prompt: String = "bars") -> VideoSettings {
        VideoSettings(
            prompts: Prompts(positive: prompt),
            clip: ClipShape(width: 64, height: 64, frames: 5, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .euler, levels: .steps(steps), shift: 1, guidance: [1], seed: seed))
    }

    static func plan(_ settings: VideoSettings) -> ClipPlan {
        let pixels = settings.clip.width * settings.clip.height * settings.clip.frames
        let work = WorkEstimate(
            tokens: pixels / 1024, passes: settings.sampling.steps, decodedPixels: pixels,
            flops: [.denoise: 1e6 * Double(settings.sampling.steps)], peakBytes: [:])
        return ClipPlan(settings: settings, work: work)
    }

    static func order(_ settings: VideoSettings) -> JobOrder {
        JobOrder(
            plan: plan(settings), requestHash: "\(settings.sampling.seed) \(settings.prompts.positive)",
            expiresAfterSeconds: 86_400)
    }
}

import JobStore
import VideoTypes

/// Orders for small clips.
enum FakeOrder {
    static func settings(seed: UInt64, steps: Int = 4, prompt: String = "bars") -> VideoSettings {
        VideoSettings(
            prompt: prompt, negativePrompt: "", width: 64, height: 64, frames: 5, framesPerSecond: 16, steps: steps,
            guidanceScale: 1, guidanceScale2: nil, flowShift: 1, scheduler: .euler, sigmas: nil, seed: seed,
            tilesVAE: false)
    }

    static func order(_ settings: VideoSettings) -> JobOrder {
        let pixels = settings.width * settings.height * settings.frames
        let work = WorkEstimate(
            tokens: pixels / 1024, passes: settings.steps, decodedPixels: pixels,
            flops: [.denoise: 1e6 * Double(settings.steps)], peakBytes: [:])
        return JobOrder(
            plan: ClipPlan(settings: settings, work: work), requestHash: "\(settings.seed) \(settings.prompt)",
            expiresAfterSeconds: 86_400)
    }
}

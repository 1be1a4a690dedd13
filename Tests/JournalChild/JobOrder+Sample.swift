package import JobStore
package import VideoTypes

extension JobOrder {
    /// A clip of the built-in model.
    package static func sample(
        _ prompt: String = "a red circle", priority: Int = 0, webhook: String? = nil
    ) -> JobOrder {
        let work = WorkEstimate(
            tokens: 180, passes: 16, decodedPixels: 17 * 96 * 96, flops: [.denoise: 1e9, .decode: 2e8],
            peakBytes: [.denoise: 1 << 24])
        var order = JobOrder(
            plan: ClipPlan(settings: settings(prompt), work: work), requestHash: prompt, expiresAfterSeconds: 86400)
        order.priority = priority
        order.webhook = webhook
        order.metadata = ["trip": "ä \"quoted\""]
        return order
    }

    fileprivate static func settings(_ prompt: String = "a red circle") -> VideoSettings {
        VideoSettings(
            prompts: Prompts(positive: prompt),
            clip: ClipShape(width: 96, height: 96, frames: 17, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .unipc, levels: .steps(16), shift: 3, guidance: [1], seed: 7))
    }
}

extension ClipReport {
    package static func sample() -> ClipReport {
        ClipReport(
            path: "clip.mp4", model: "built-in", settings: JobOrder.settings(), backend: "cpu",
            dtype: "float32", encoder: "libx264", fileBytes: 4, stageSeconds: [.denoise: 1.5, .decode: 0.25],
            totalSeconds: 2, peakMemoryBytes: 1 << 20)
    }
}

import Compute
import Models
package import VideoTypes

extension WanModel {
    /// What a clip costs in arithmetic and memory.
    package func work(_ settings: VideoSettings, on device: DeviceProfile) -> WorkEstimate {
        let shape = latentShape(settings)
        let patch = components.transformer.patch
        let memory = memoryEstimate(settings, on: device)
        return WorkEstimate(
            tokens: shape[1] * (shape[2] / patch.height) * (shape[3] / patch.width),
            passes: settings.steps * (settings.guidanceScale > 1 ? 2 : 1),
            decodedPixels: settings.frames * settings.width * settings.height, flops: [:],
            peakBytes: [.text: memory.text, .denoise: memory.denoise, .decode: memory.decode])
    }
}

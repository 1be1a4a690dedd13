package import Compute
package import Layers
package import Weights

/// An encoder that is one linear map: of the pixels that a latent position stands for.
///
/// A latent frame is of as many frames as the model's temporal factor; the first frame of a clip fills its own alone.
package struct WanLinearEncoder: WanEncoder {
    private let config: WanVAEConfig
    private let device: Device
    private let projection: Linear
    private let normalise: Linear

    package init(_ w: WeightScope, _ config: WanVAEConfig, on device: Device) throws {
        self.config = config
        self.device = device.f32
        let patch = config.latentPatch
        projection = try Linear(
            w["encoder"], in: 3 * patch.volume, out: config.zDim,
            shape: [config.zDim, 3, patch.time, patch.height, patch.width], on: device.f32)
        normalise = try config.normalisation(on: device.f32)
    }

    /// A picture `[3, height, width]` as f32 `[3, 1, height, width]`.
    package func frame(height: Int, width: Int, planes: () -> [Float]) throws(ComputeError) -> Tensor {
        try device.backend.upload([3, 1, height, width], by: planes)
    }

    package func grey(height: Int, width: Int) throws(ComputeError) -> Tensor {
        let frame = try device.backend.allocate([3, 1, height, width], .f32)
        try device.backend.zero(frame)
        return frame
    }

    package func callAsFunction(_ clip: [WanVAEEncoder.Still], probe: Probe?) throws(ComputeError) -> Tensor {
        let patch = config.latentPatch
        let shown = clip.flatMap { [Tensor](repeating: $0.frame, count: $0.count) }
        let frames = [Tensor](repeating: shown[0], count: patch.time - 1) + shown
        let (count, height, width) = (
            frames.count / patch.time, shown[0].shape[2] / patch.height, shown[0].shape[3] / patch.width
        )
        let pixels = try device.backend.allocate(
            [3, frames.count, shown[0].shape[2], shown[0].shape[3]], .f32)
        for (index, frame) in frames.enumerated() {
            for colour in 0..<3 {
                try device.backend.copy(frame[colour], into: pixels[colour][index..<index + 1])
            }
        }
        let patches = try device.backend.allocate([count * height * width, 3 * patch.volume], .f32)
        try device.backend.patchify(pixels, patch: patch, into: patches)
        let rows = try normalise(projection(patches))
        let latents = try device.backend.allocate([config.zDim, count, height, width], .f32)
        try device.backend.unpatchify(rows, patch: PatchSize(time: 1, height: 1, width: 1), into: latents)
        try probe?("latents", latents)
        return latents
    }
}

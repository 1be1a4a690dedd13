import Compute
import Models
package import VideoTypes

/// Whoever wants to see a clip while it is made.
package struct LatentViewer {
    /// Steps from one picture to the next; the last step always gives one.
    package let everySteps: Int
    /// Seconds from one picture to the next, but for the last: of fast steps each would cost more than a glance.
    package let seconds: Double
    /// Takes a picture of one pixel for each latent position.
    package let show: (Frame) -> Void

    package init(everySteps: Int, seconds: Double = 0, show: @escaping (Frame) -> Void) {
        self.everySteps = everySteps
        self.seconds = seconds
        self.show = show
    }
}

/// Draws what the latents of a step will become, in about: the clean latents that the model sees, as colours.
final class LatentSketch {
    private let colours: LatentColours
    private let viewer: LatentViewer
    private var last: ContinuousClock.Instant?

    init(colours: LatentColours, viewer: LatentViewer) {
        self.colours = colours
        self.viewer = viewer
    }

    /// Draws the middle of the clip where the step is one to be shown.
    ///
    /// - Parameters:
    ///   - latents: `[C, T, H, W]`, as the model saw them.
    ///   - factors: of latents and prediction.
    func draw(
        step: Int, of count: Int, _ latents: Tensor, _ prediction: Tensor, _ factors: (latents: Float, output: Float),
        on backend: any Backend
    ) throws(ComputeError) {
        guard isDue(after: step + 1, of: count) else { return }
        let shape = latents.shape
        let (height, width, middle) = (shape[2], shape[3], shape[1] / 2)
        // One latent frame: a few kilobytes, whatever the length of the clip.
        let clean = try backend.allocate([shape[0], 1, height, width], .f32)
        let seen = try backend.allocate(clean.shape, .f32)
        let output = try backend.allocate(clean.shape, .f32)
        for channel in 0..<shape[0] {
            try backend.copy(latents[channel][middle..<middle + 1], into: seen[channel])
            try backend.copy(prediction[channel][middle..<middle + 1], into: output[channel])
        }
        try backend.combine([(factors.latents, seen), (factors.output, output)], into: clean)
        viewer.show(frame(try backend.download(clean), height: height, width: width))
    }

    private func isDue(after steps: Int, of count: Int) -> Bool {
        let now = ContinuousClock.now
        let isPaced = last.map { now - $0 >= .seconds(viewer.seconds) } ?? true
        guard steps == count || isPaced && steps % max(viewer.everySteps, 1) == 0 else { return false }
        last = now
        return true
    }

    /// - Parameter values: `[C, H, W]`
    func frame(_ values: [Float], height: Int, width: Int) -> Frame {
        let plane = height * width
        var pixels: [UInt8] = []
        pixels.reserveCapacity(3 * plane)
        for place in 0..<plane {
            for colour in 0..<3 {
                var sum = colours.bias[colour]
                for (channel, factor) in colours.factors.enumerated() {
                    sum += factor[colour] * values[channel * plane + place]
                }
                let level = (sum + 1) / 2 * 255
                // What is no number is black.
                pixels.append(level > 0 ? UInt8(min(level.rounded(), 255)) : 0)
            }
        }
        return Frame(width: width, height: height, pixels: pixels)
    }
}

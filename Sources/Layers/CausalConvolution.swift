package import Compute
package import Weights

/// Convolution over time, height and width that sees only the past.
///
/// A producer writes into `input(…)`; the last frames of what was written stay as they are, as the history of the next
/// call. Frames before the first are zeros.
package final class CausalConvolution {
    private let device: Device
    private let weight: ConvolutionWeight
    private let bias: Tensor
    private var history: [Tensor?]
    private var next: Tensor?

    /// - Parameter kernel: extent in time, height and width.
    package init(_ w: WeightScope, in inChannels: Int, out outChannels: Int, kernel: [Int], on device: Device) throws {
        self.device = device
        let stored = try w.tensor("weight", [outChannels, inChannels] + kernel)
        weight = try device.backend.convolutionWeight(stored, for: device.dtype)
        bias = try device.backend.vector(w.tensor("bias", [outChannels]))
        history = Array(repeating: nil, count: kernel[0] - 1)
    }

    /// Result channels.
    package var outChannels: Int { weight.outChannels }

    /// Forgets what was seen.
    package func reset() {
        history = history.map { _ in nil }
        next = nil
    }

    /// The place for the next `frames` frames, `[frames, height, width, in]`, to be written before the call.
    package func input(frames: Int, height: Int, width: Int) throws(ComputeError) -> Tensor {
        let place = try device.allocate([frames, height, width, weight.inChannels])
        next = place
        return place
    }

    /// Convolves the frames written last into `out` `[frames, height, width, out]`; adds to it when `accumulate`.
    package func callAsFunction(accumulate: Bool = false, into out: Tensor) throws(ComputeError) {
        guard let x = next else { preconditionFailure("convolution before its input was written") }
        try device.backend.convolution(
            x, history: history, weight, bias: bias, accumulate: accumulate, into: out)
        history = (history + (0..<x.shape[0]).map { x[$0] }).suffix(history.count)
        next = nil
    }
}

/// Convolution of each frame by itself, stored as Conv2d.
package struct FrameConvolution {
    private let device: Device
    private let weight: ConvolutionWeight
    private let bias: Tensor

    package init(_ w: WeightScope, in inChannels: Int, out outChannels: Int, kernel: Int, on device: Device) throws {
        self.device = device
        let stored = try w.tensor("weight", [outChannels, inChannels, kernel, kernel])
        weight = try device.backend.convolutionWeight(
            stored.reshaped([outChannels, inChannels, 1, kernel, kernel]), for: device.dtype)
        bias = try device.backend.vector(w.tensor("bias", [outChannels]))
    }

    /// x `[frames, height, width, in]` in the device's dtype, result f32.
    package func callAsFunction(_ x: Tensor) throws(ComputeError) -> Tensor {
        let out = try device.backend.allocate([x.shape[0], x.shape[1], x.shape[2], weight.outChannels], .f32)
        try device.backend.convolution(x, history: [], weight, bias: bias, accumulate: false, into: out)
        return out
    }
}

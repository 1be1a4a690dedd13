package import Compute
package import Weights

/// Convolution over time, height and width that sees only the past.
///
/// The last frames of what it has seen stay physically in front of the next input: a producer writes into `input(…)`,
/// then the convolution reads one contiguous window. Frames before the first are zeros.
package final class CausalConvolution {
    private let device: Device
    private let weight: ConvolutionWeight
    private let bias: Tensor
    private let history: Int
    private var window: Tensor?

    /// - Parameter kernel: extent in time, height and width.
    package init(_ w: WeightScope, in inChannels: Int, out outChannels: Int, kernel: [Int], on device: Device) throws {
        self.device = device
        let stored = try w.tensor("weight", [outChannels, inChannels] + kernel)
        weight = try device.backend.convolutionWeight(stored, for: device.dtype)
        bias = try device.backend.vector(w.tensor("bias", [outChannels]))
        history = kernel[0] - 1
    }

    /// Forgets what was seen.
    package func reset() {
        window = nil
    }

    /// The place for the next `frames` frames of `[frames, height, width, in]`, to be written before the call.
    package func input(frames: Int, height: Int, width: Int) throws(ComputeError) -> Tensor {
        let frameShape = [height, width, weight.inChannels]
        if let window, Array(window.shape.dims.dropFirst()) == frameShape, window.shape[0] >= history + frames {
            return window[history..<history + frames]
        }
        let grown = try device.allocate(Shape([history + frames] + frameShape))
        if let window, Array(window.shape.dims.dropFirst()) == frameShape {
            try device.backend.copy(window[0..<history], into: grown[0..<history])
        } else {
            try device.backend.zero(grown[0..<history])
        }
        window = grown
        return grown[history..<history + frames]
    }

    /// Convolves the frames written last into `out` `[frames, height, width, out]`; adds to it when `accumulate`.
    package func callAsFunction(frames: Int, accumulate: Bool = false, into out: Tensor) throws(ComputeError) {
        guard let window else { preconditionFailure("convolution before its input was written") }
        try device.backend.convolution(
            window[0..<history + frames], weight, bias: bias, accumulate: accumulate, into: out)
        for frame in 0..<history {
            try device.backend.copy(window[frames + frame], into: window[frame])
        }
    }

    /// Result channels.
    package var outChannels: Int { weight.outChannels }
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
        try device.backend.convolution(x, weight, bias: bias, accumulate: false, into: out)
        return out
    }
}

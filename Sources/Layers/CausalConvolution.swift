package import Compute
package import Weights

/// Convolution over time, height and width that sees only the past.
///
/// A producer writes into `input(…)`. What later frames need of it is kept: the last frames as they were written, or
/// what they add to the results to come where that is less than half as large.
package final class CausalConvolution {
    /// Result channels.
    package let outChannels: Int

    private let device: Device
    private let inChannels: Int
    private let bias: Tensor
    private let before: Before
    private var past: Past
    private var next: Tensor?

    /// What is seen in front of the first frame.
    package enum Before {
        case zeros
        /// The first frame, again and again.
        case first
    }

    private enum Past {
        case frames([Tensor?], weight: ConvolutionWeight)
        /// Of each result that frames seen add to, f32 `[1, height, width, out]` with the bias; the kernel in slices of
        /// time.
        case sums([Tensor?], slices: [ConvolutionWeight])
    }

    /// - Parameter kernel: extent in time, height and width.
    package init(
        _ w: WeightScope, in inChannels: Int, out outChannels: Int, kernel: [Int], before: Before = .zeros,
        on device: Device
    ) throws {
        self.device = device
        self.before = before
        self.inChannels = inChannels
        self.outChannels = outChannels
        let stored = try w.tensor("weight", [outChannels, inChannels] + kernel)
        bias = try device.backend.vector(w.tensor("bias", [outChannels]))
        let nothing = [Tensor?](repeating: nil, count: kernel[0] - 1)
        if kernel[0] > 1, outChannels * DType.f32.byteWidth < inChannels * device.dtype.byteWidth / 2 {
            let slices = try stored.dense(on: device.backend).slices(ofAxis: 2)
            past = .sums(
                nothing, slices: try slices.map { try device.backend.convolutionWeight($0, for: device.dtype) })
        } else {
            past = .frames(nothing, weight: try device.backend.convolutionWeight(stored, for: device.dtype))
        }
    }

    /// Forgets what was seen.
    package func reset() {
        past =
            switch past {
            case .frames(let frames, let weight): .frames(frames.map { _ in nil }, weight: weight)
            case .sums(let sums, let slices): .sums(sums.map { _ in nil }, slices: slices)
            }
        next = nil
    }

    /// The place for the next `frames` frames, `[frames, height, width, in]`, to be written before the call.
    package func input(frames: Int, height: Int, width: Int) throws(ComputeError) -> Tensor {
        let place = try device.allocate([frames, height, width, inChannels])
        next = place
        return place
    }

    /// The same for frames of the shape of x, which is not needed otherwise: x itself where it has the dtype of inputs.
    package func input(over x: Tensor) throws(ComputeError) -> Tensor {
        guard x.dtype == device.dtype else {
            return try input(frames: x.shape[0], height: x.shape[1], width: x.shape[2])
        }
        next = x
        return x
    }

    /// Convolves the frames written last into `out` `[frames, height, width, out]`; adds to it when `accumulate`.
    package func callAsFunction(accumulate: Bool = false, into out: Tensor) throws(ComputeError) {
        guard let x = next else { preconditionFailure("convolution before its input was written") }
        next = nil
        switch past {
        case .frames(var history, let weight):
            if before == .first { history = history.map { $0 ?? x[0] } }
            try device.backend.convolution(
                x, history: history, weight, bias: bias, accumulate: accumulate, into: out)
            // What is forgotten makes room for what is kept.
            past = .frames([], weight: weight)
            if x.shape[0] >= history.count { history = [] }
            past = .frames(try kept(of: x, count: weight.kernel[0] - 1, after: history), weight: weight)
        case .sums(var sums, let slices):
            for index in 0..<x.shape[0] {
                let isFirst = before == .first && sums.allSatisfy { $0 == nil }
                let frame = x[index..<index + 1]
                let sum = try isFirst ? firstSum(frame, slices, &sums) : nextSum(frame, slices, &sums)
                let place = out[index..<index + 1]
                if accumulate {
                    try device.backend.combine([(1, place), (1, sum)], into: place)
                } else {
                    try device.backend.copy(sum, into: place)
                }
            }
            past = .sums(sums, slices: slices)
        }
    }

    /// The last frames; of many frames copies, so that the others can go.
    private func kept(of x: Tensor, count: Int, after history: [Tensor?]) throws(ComputeError) -> [Tensor?] {
        let frames = x.shape[0]
        guard frames > count, count > 0 else { return (history + (0..<frames).map { x[$0] }).suffix(count) }
        let last = try device.allocate(Shape([count] + x.shape.dims.dropFirst()))
        try device.backend.copy(x[frames - count..<frames], into: last)
        return (0..<count).map { last[$0] }
    }

    /// The result at the first frame, which is also seen in front of itself.
    ///
    /// The slices of time as they add up: all of them here, all but the last in the next result, and so on.
    private func firstSum(
        _ x: Tensor, _ slices: [ConvolutionWeight], _ sums: inout [Tensor?]
    ) throws(ComputeError) -> Tensor {
        var partial: [Tensor] = []
        for slice in slices {
            let sum = try device.backend.allocate([1, x.shape[1], x.shape[2], outChannels], .f32)
            try device.backend.convolution(
                x, history: [], slice, bias: partial.isEmpty ? bias : nil, accumulate: false, into: sum)
            if let last = partial.last { try device.backend.combine([(1, last), (1, sum)], into: sum) }
            partial.append(sum)
        }
        let whole = partial.removeLast()
        sums = partial.reversed()
        return whole
    }

    /// The result at one frame more.
    private func nextSum(
        _ x: Tensor, _ slices: [ConvolutionWeight], _ sums: inout [Tensor?]
    ) throws(ComputeError) -> Tensor {
        sums.append(nil)
        try add(x, slices, to: &sums)
        guard let sum = sums.removeFirst() else { preconditionFailure("a frame without a sum") }
        return sum
    }

    /// Adds what one frame means to its own result, the first, and to those after it.
    private func add(_ x: Tensor, _ slices: [ConvolutionWeight], to sums: inout [Tensor?]) throws(ComputeError) {
        let shape: Shape = [1, x.shape[1], x.shape[2], outChannels]
        for (index, slice) in slices.reversed().enumerated() {
            if let sum = sums[index] {
                try device.backend.convolution(x, history: [], slice, bias: nil, accumulate: true, into: sum)
            } else {
                let sum = try device.backend.allocate(shape, .f32)
                try device.backend.convolution(x, history: [], slice, bias: bias, accumulate: false, into: sum)
                sums[index] = sum
            }
        }
    }
}

/// Convolution of each frame by itself, stored as Conv2d.
package struct FrameConvolution {
    private let device: Device
    private let weight: ConvolutionWeight
    private let bias: Tensor
    private let window: Window
    /// Whether the weight is one for doubled frames that nobody makes.
    private let isDoubling: Bool

    /// - Parameters:
    ///   - window: nil for one whose result has the input's extent.
    ///   - doubles: whether it is only asked to double.
    package init(
        _ w: WeightScope, in inChannels: Int, out outChannels: Int, kernel: Int, window: Window? = nil,
        doubles: Bool = false, on device: Device
    ) throws {
        self.device = device
        self.window = window ?? .causal([1, kernel, kernel])
        let stored = try w.tensor("weight", [outChannels, inChannels, kernel, kernel])
            .reshaped([outChannels, inChannels, 1, kernel, kernel])
        let doubling = doubles ? try device.backend.doublingWeight(stored, for: device.dtype) : nil
        isDoubling = doubling != nil
        weight = try doubling ?? device.backend.convolutionWeight(stored, for: device.dtype)
        bias = try device.backend.vector(w.tensor("bias", [outChannels]))
    }

    /// Result channels.
    package var outChannels: Int { weight.outChannels }

    /// x `[frames, height, width, in]` in the device's dtype, result f32.
    package func callAsFunction(_ x: Tensor) throws(ComputeError) -> Tensor {
        let extent = window.extent(of: Array(x.shape.dims.dropLast()), kernel: weight.kernel)
        let out = try device.backend.allocate(Shape(extent + [weight.outChannels]), .f32)
        try convolve(x, into: out)
        return out
    }

    private func convolve(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        try device.backend.convolution(
            x, history: [], weight, window: window, bias: bias, accumulate: false, into: out)
    }

    /// Convolves one frame x f32 `[1, height, width, in]` after its rows and columns were doubled, into f32
    /// `[1, 2 height, 2 width, out]`.
    ///
    /// Where the backend needs the doubled frame, in bands, each with a row of its neighbours: it would be a model's
    /// largest array.
    package func doubling(_ x: Tensor, into out: Tensor, bandBytes: Int = 8 << 20) throws(ComputeError) {
        if isDoubling { return try device.backend.doublingConvolution(device.cast(x), weight, bias: bias, into: out) }
        let (height, width, channels) = (x.shape[1], x.shape[2], x.shape[3])
        let step = max(1, bandBytes / (4 * width * channels * device.dtype.byteWidth))
        let (rows, outRows) = (x[0], out[0])
        for first in stride(from: 0, to: height, by: step) {
            let end = min(first + step, height)
            let seen = max(0, first - 1)..<min(end + 1, height)
            let doubled = try device.allocate([1, 2 * seen.count, 2 * width, channels])
            let band = rows[seen].reshaped([1, seen.count, width, channels])
            try device.backend.upsample2x(device.cast(band), into: doubled)
            guard seen.count < height else { return try convolve(doubled, into: out) }
            let start = 2 * (first - seen.lowerBound)
            try device.backend.copy(
                self(doubled)[0][start..<start + 2 * (end - first)], into: outRows[2 * first..<2 * end])
        }
    }
}

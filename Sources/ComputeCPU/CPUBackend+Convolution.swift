import CKernels
import COneDNN
package import Compute

/// What decides the primitive that convolves frames one by one.
struct ConvolutionKey: Hashable {
    /// Frames, height, width of the input.
    let extent: [Int]
    let inChannels: Int
    let outChannels: Int
    /// Extent in height and width.
    let kernel: [Int]
    let window: Window
    let dtype: DType
    let outType: DType
    let hasBias: Bool
    let accumulates: Bool
    let threads: Int
}

extension ConvolutionKey: CustomStringConvertible {
    var description: String {
        "convolution \(extent) \(inChannels) to \(outChannels) channels, kernel \(kernel)\(steps), "
            + "\(dtype) to \(outType)" + (hasBias ? ", bias" : "") + (accumulates ? ", add" : "")
    }

    private var steps: String {
        let axes = [window.height, window.width]
        return axes.allSatisfy { $0.stride == 1 } ? "" : ", every \(axes.map(\.stride))"
    }
}

extension CPUBackend {
    package func convolutionWeight(
        _ stored: StoredTensor, for dtype: DType
    ) throws(ComputeError) -> ConvolutionWeight {
        precondition(stored.shape.rank == 5, "convolution weight \(stored.shape)")
        let kernel = Array(stored.shape.dims[2...])
        let storage: any Storage
        if kernel == [1, 1, 1] {
            storage = try linearWeight(stored, for: dtype).storage
        } else if convolvesOurselves(dtype) {
            storage = try ownKernel(dense(stored), for: dtype)
        } else {
            storage = KernelStorage(try stored.dtype == .f16 ? converted(stored, to: .f32) : dense(stored))
        }
        return ConvolutionWeight(
            storage: storage, outChannels: stored.shape[0], inChannels: stored.shape[1], kernel: kernel, dtype: dtype)
    }

    package func convolution(
        _ x: Tensor, history: [Tensor?], _ weight: ConvolutionWeight, window: Window, bias: Tensor?, accumulate: Bool,
        into out: Tensor
    ) throws(ComputeError) {
        checkConvolution(x, history: history, weight, window, into: out)
        guard out.count > 0 else { return }
        if weight.storage is MatrixStorage || weight.storage is QuantisedStorage {
            let matrix = LinearWeight(
                storage: weight.storage, outFeatures: weight.outChannels, inFeatures: weight.inChannels,
                dtype: weight.dtype)
            try linear(x, matrix, bias: bias, accumulate ? .add : .none, into: out)
        } else if let own = weight.storage as? OwnKernel {
            try convolveOurselves(x, history: history, own, window, bias: bias, accumulate: accumulate, into: out)
        } else if let kernel = weight.storage as? KernelStorage {
            guard try !convolve(x, history, weight, kernel, window, bias, accumulate, into: out) else { return }
            let own = try kernel.forCKernels { () throws(ComputeError) in
                try ownKernel(kernel.stored, for: weight.dtype)
            }
            try convolveOurselves(x, history: history, own, window, bias: bias, accumulate: accumulate, into: out)
        } else {
            preconditionFailure("weight of another backend")
        }
    }

    /// One slice in time of a kernel, and who convolves a frame with it.
    private struct Tap {
        let primitive: Primitive
        let weights: HostStorage
    }

    /// Frame by frame, one product for each frame that the kernel sees; the sums wait in `out`.
    ///
    /// False, and nothing done, where oneDNN has no kernel for that.
    private func convolve(
        _ x: Tensor, _ history: [Tensor?], _ weight: ConvolutionWeight, _ kernel: KernelStorage, _ window: Window,
        _ bias: Tensor?, _ accumulate: Bool, into out: Tensor
    ) throws(ComputeError) -> Bool {
        let isWhole = weight.kernel[0] == 1 && window.time.stride == 1
        // Neither sums in bf16 nor f32 into bf16 does oneDNN have.
        let isWide = out.dtype != .f32 && (x.dtype == .f32 || !isWhole)
        let extent = isWhole ? Array(x.shape.dims.dropLast()) : [1] + x.shape.dims[1...2]
        let places = out.shape.rows / (isWhole ? 1 : out.shape[0])
        var taps: [(first: Tap, later: Tap)] = []
        for index in 0..<weight.kernel[0] {
            func tap(hasBias: Bool, accumulates: Bool) throws(ComputeError) -> Tap? {
                try self.tap(
                    index, kernel,
                    ConvolutionKey(
                        extent: extent, inChannels: weight.inChannels, outChannels: weight.outChannels,
                        kernel: Array(weight.kernel.dropFirst()), window: window, dtype: x.dtype,
                        outType: isWide ? .f32 : out.dtype, hasBias: hasBias, accumulates: accumulates,
                        threads: useThreads(
                            forOperations: places * weight.inChannels * weight.outChannels * weight.kernel[1]
                                * weight.kernel[2])))
            }
            guard let first = try tap(hasBias: bias != nil, accumulates: accumulate) else { return false }
            guard let later = try isWhole ? first : tap(hasBias: false, accumulates: true) else { return false }
            taps.append((first, later))
        }
        let sums = try isWide ? allocate(out.shape, .f32) : out
        if isWide, accumulate { try copy(out, into: sums) }
        if isWhole {
            try run(taps[0].first, x, bias, into: sums)
        } else {
            let frames = history + (0..<x.shape[0]).map { x[$0] }
            for index in 0..<out.shape[0] {
                var isFirst = true
                for (time, tap) in taps.enumerated() {
                    let place = index * window.time.stride + time * window.time.dilation
                    guard let frame = frames[place] else { continue }
                    try run(isFirst ? tap.first : tap.later, frame, isFirst ? bias : nil, into: sums[index])
                    isFirst = false
                }
            }
        }
        if isWide { try copy(sums, into: out) }
        return true
    }

    private func run(_ tap: Tap, _ x: Tensor, _ bias: Tensor?, into out: Tensor) throws(ComputeError) {
        var arrays = unsafe [address(x), tap.weights.address, target(out)]
        if let bias { unsafe arrays.append(UnsafeMutableRawPointer(floats(bias, count: out.shape.last, "bias"))) }
        let scratch = try tap.primitive.scratchBytes > 0 ? scratch(tap.primitive.scratchBytes) : nil
        try unsafe tap.primitive.run(arrays, scratch: scratch?.address)
    }

    /// Nil where oneDNN has no kernel for it.
    private func tap(_ index: Int, _ kernel: KernelStorage, _ key: ConvolutionKey) throws(ComputeError) -> Tap? {
        let primitive = try convolutions.value(key) { () throws(ComputeError) in try convolutionKernel(key) }
        guard let primitive else { return nil }
        oneDNN.note(key.description, primitive.implementation)
        let layout = primitive.weightsLayout
        let weights = try kernel.packed(tap: index, layout) { () throws(ComputeError) in
            try pack(kernel.stored, tap: index, into: layout)
        }
        return weights.map { Tap(primitive: primitive, weights: $0) }
    }

    /// One slice in time of a stored kernel `[out, in, t, h, w]`, in the primitive's layout; nil where oneDNN has no
    /// kernel for that.
    private func pack(
        _ stored: Tensor, tap: Int, into layout: Layout
    ) throws(ComputeError) -> HostStorage? {
        let target = try HostStorage(layout.byteCount, from: pool)
        let dims = stored.shape.dims
        let plane = dims[3] * dims[4]
        let slice = try Layout(
            [dims[0], dims[1], dims[3], dims[4]], stored.dtype,
            strides: [dims[1] * dims[2] * plane, dims[2] * plane, dims[4], 1])
        let start = unsafe address(stored) + tap * plane * stored.dtype.byteWidth
        let isDone = try unsafe oneDNN.reorder(
            start, slice, into: target.address, layout, for: "kernel \(stored.shape) \(stored.dtype)")
        guard isDone else { return nil }
        (stored.storage as? HostStorage)?.dropPages()
        return target
    }

    private func convolutionKernel(_ key: ConvolutionKey) throws(ComputeError) -> Primitive? {
        let extent = key.extent
        let x = try Layout([extent[0], key.inChannels, extent[1], extent[2]], key.dtype, CDNN_ORDER_NHWC)
        let axes = [key.window.height, key.window.width]
        let (rows, columns) = (
            axes[0].results(of: extent[1], kernel: key.kernel[0]), axes[1].results(of: extent[2], kernel: key.kernel[1])
        )
        let out = try Layout([extent[0], key.outChannels, rows, columns], key.outType, CDNN_ORDER_NHWC)
        let weights = try Layout([key.outChannels, key.inChannels] + key.kernel, key.dtype, CDNN_ORDER_ANY)
        let bias = try key.hasBias ? Layout([key.outChannels], .f32, CDNN_ORDER_A) : nil
        func both(_ of: KeyPath<Window.Axis, Int>) -> (Int64, Int64) {
            (Int64(axes[0][keyPath: of]), Int64(axes[1][keyPath: of]))
        }
        var window = cdnn_window(
            stride: both(\.stride), dilation: both(\.dilation), before: both(\.before), after: both(\.after))
        defer { withExtendedLifetime((x, weights, out, bias)) {} }
        return try unsafe Primitive.kernel(on: oneDNN) {
            unsafe cdnn_convolution_create(
                &$0, $1, out.handle, x.handle, weights.handle, bias?.handle,
                key.accumulates ? CDNN_AFTER_ADD : CDNN_AFTER_NOTHING, &window)
        }
    }
}

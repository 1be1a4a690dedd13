import CKernels
import KernelEmulation

extension KernelCase {
    static let convolutions =
        [128, 96, 64, 32].map { columns in
            convolution(
                "convolution_128x\(columns)", rows: CK_CONVOLUTION_ROWS, columns: columns,
                threads: CK_GEMM_THREADS, shared: CK_CONVOLUTION_SHARED + columns * CK_CONVOLUTION_COLUMN_SHARED)
        } + [
            convolution(
                "convolution_simt", rows: CK_SIMT_TILE, columns: CK_SIMT_TILE, threads: CK_SIMT_THREADS,
                shared: CK_SIMT_SHARED)
        ]

    static let hopperConvolutions = [
        hopperConvolution(
            rows: 128, columns: 256, depth: CK_CONVOLUTION_SM90_DEPTH, shared: CK_CONVOLUTION_SM90_128X256_SHARED,
            isBF16: true),
        hopperConvolution(
            rows: 256, columns: 192, depth: CK_CONVOLUTION_SM90_DEPTH, shared: CK_CONVOLUTION_SM90_256X192_SHARED),
        hopperConvolution(
            rows: 256, columns: 96, depth: CK_CONVOLUTION_SM90_256X96_DEPTH,
            shared: CK_CONVOLUTION_SM90_256X96_SHARED),
    ]

    private static func convolution(
        _ name: String, rows: Int, columns: Int, threads: Int, shared: Int
    ) -> KernelCase {
        KernelCase(name: name) { trial in
            let problem = ConvolutionProblem.small
            let height = problem.height + trial.excess
            let x = DeviceArray(problem.x.stored)
            let weight = DeviceArray(problem.weight)
            let history = DeviceArray(problem.history.stored)
            let bias = DeviceArray(problem.bias)
            let out = DeviceArray(problem.old)
            var arguments = ck_convolution_arguments()
            (arguments.out, arguments.x, arguments.weight) = (out.address, x.address, weight.address)
            (arguments.bias, arguments.history.1) = (bias.address, history.address)
            (arguments.frames, arguments.height) = (Int32(problem.frames), Int32(height))
            arguments.width = Int32(problem.width)
            (arguments.in_channels, arguments.out_channels) = (Int32(problem.inChannels), Int32(problem.outChannels))
            (arguments.kernel_frames, arguments.kernel_height, arguments.kernel_width) = (3, 1, 3)
            (arguments.x_height, arguments.x_width) = (Int32(height), Int32(problem.width))
            (arguments.stride, arguments.dilation) = ((1, 1, 1), (1, 1, 1))
            (arguments.history_frames, arguments.left) = (2, 1)
            (arguments.accumulate, arguments.out_dtype) = (1, Int32(CK_DTYPE_F32.rawValue))
            arguments.x_dtype = Int32(CK_DTYPE_BF16.rawValue)
            arguments.weight_dtype = Int32(CK_DTYPE_BF16.rawValue)
            let tiles = pieces(height * problem.width, rows) * pieces(problem.outChannels, columns)
            let run = EmulatedRun(
                name, grid: (UInt32(problem.frames) * tiles, 1, 1), threads: UInt32(threads), shared: shared, arguments,
                trial)
            return (run, out.values == problem.expected)
        }
    }

    private static func hopperConvolution(
        rows: Int, columns: Int, depth: Int, shared: Int, isBF16: Bool = false
    ) -> KernelCase {
        KernelCase(name: "convolution_sm90_\(rows)x\(columns)") { trial in
            let problem = ConvolutionProblem.deep
            let tile = [8, rows / 8, 1]
            let (channels, outChannels) = (problem.inChannels, problem.outChannels)
            let (height, width) = (problem.height, problem.width)
            let x = DeviceArray(problem.x.stored)
            let weight = DeviceArray(problem.weight)
            let history = DeviceArray(problem.history.stored)
            let bias = DeviceArray(problem.bias)
            let out = FloatArray(problem.old, isBF16: isBF16)
            func frames(
                _ address: ck_address, _ channels: Int, _ count: Int, _ box: [Int], elementBytes: Int = 2
            ) -> ck_tensor_map {
                tensorMap(
                    address, extents: [channels, width, height, count],
                    strides: [channels, channels * width, channels * width * height], box: box,
                    elementBytes: elementBytes)
            }
            let count = problem.frames + trial.excess
            var arguments = ck_convolution_sm90_arguments()
            arguments.x = frames(x.address, channels, count, [depth] + tile)
            arguments.weight = tensorMap(
                weight.address, extents: [channels, outChannels, 9], strides: [channels, channels * outChannels],
                box: [depth, columns, 1])
            arguments.out = frames(
                out.address, outChannels, count, [isBF16 ? 64 : 32, 8, 8, 1], elementBytes: isBF16 ? 2 : 4)
            arguments.history.0 = arguments.x
            arguments.history.1 = frames(history.address, channels, 1, [depth] + tile)
            (arguments.has_history, arguments.bias) = ((0, 1), bias.address)
            (arguments.frames, arguments.height, arguments.width) = (Int32(count), Int32(height), Int32(width))
            (arguments.in_channels, arguments.out_channels) = (Int32(channels), Int32(outChannels))
            (arguments.kernel_frames, arguments.kernel_height, arguments.kernel_width) = (3, 1, 3)
            (arguments.tile_height, arguments.tile_width) = (Int32(tile[1]), Int32(tile[0]))
            arguments.accumulate = 1
            arguments.out_dtype = Int32((isBF16 ? CK_DTYPE_BF16 : CK_DTYPE_F32).rawValue)
            let run = EmulatedRun(
                "convolution_sm90_\(rows)x\(columns)", threads: UInt32(CK_CONVOLUTION_SM90_THREADS), shared: shared,
                arguments, trial)
            return (run, out.isClose(to: problem.expected))
        }
    }
}

/// Adds x under 3 × 1 × 3 taps and a bias to what is there, in integers.
///
/// One frame comes before x and one of zeros before that. The weights of channels come again at a distance that no tile
/// has.
private struct ConvolutionProblem: Sendable {
    let frames: Int, height: Int, width: Int, inChannels: Int, outChannels: Int
    let x: Matrix, history: Matrix
    let weight: [UInt16]
    let bias: [Float], old: [Float], expected: [Float]

    static let small = ConvolutionProblem(frames: 2, height: 3, width: 5, inChannels: 40, outChannels: 40)
    /// Several tiles of sm_90a's kernels, more stages deep than a block has.
    static let deep = ConvolutionProblem(frames: 2, height: 9, width: 7, inChannels: 40, outChannels: 264)

    private init(frames: Int, height: Int, width: Int, inChannels: Int, outChannels: Int) {
        (self.frames, self.height, self.width) = (frames, height, width)
        (self.inChannels, self.outChannels) = (inChannels, outChannels)
        let pixels = height * width
        let taps = 9
        let period = 41
        x = Matrix(rows: frames * pixels, columns: inChannels)
        history = Matrix(rows: pixels, columns: inChannels, start: 7)
        let kernel = Matrix(rows: taps * period, columns: inChannels, start: 3)
        weight = (0..<taps * outChannels).flatMap { row in
            let first = (row / outChannels * period + row % outChannels % period) * inChannels
            return kernel.stored[first..<first + inChannels]
        }
        let bias = (0..<outChannels).map { Float($0 % 7 - 3) }
        let old = (0..<frames * pixels * outChannels).map { Float($0 % 11) }
        let products = x.times(kernel)
        let historyProducts = history.times(kernel)
        expected = (0..<frames * pixels * outChannels).map { i in
            let (place, channel) = (i / outChannels, i % outChannels)
            let (frame, pixel) = (place / pixels, place % pixels)
            var sum = 0
            for tap in 0..<taps {
                let column = pixel % width + tap % 3 - 1
                let from = frame + tap / 3 - 2
                if column < 0 || column >= width || from < -1 { continue }
                let row = (from < 0 ? 0 : from * pixels) + pixel + tap % 3 - 1
                sum += (from < 0 ? historyProducts : products)[row * taps * period + tap * period + channel % period]
            }
            return old[i] + Float(sum) + bias[channel]
        }
        (self.bias, self.old) = (bias, old)
    }
}

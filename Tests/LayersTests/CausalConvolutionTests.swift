import Compute
import ComputeCPU
import TestSupport
import TestTools
import Testing
import Weights

@testable import Layers

@Suite(.bounded) struct CausalConvolutionTests {
    private func layer(
        _ device: Device, out channels: Int = 5, before: CausalConvolution.Before = .zeros
    ) throws -> CausalConvolution {
        let kernel = [3, 3, 3]
        var random = TorchRandomSource(seed: 1)
        var writer = SafetensorsWriter()
        // The first channels of a kernel with more are the same.
        let values = random.normals(5 * 12 * 27)
        writer.add("weight", [channels, 12] + kernel, Array(values.prefix(channels * 12 * 27)))
        writer.add("bias", [channels], [Float](repeating: 0.25, count: channels))
        let bytes = HostBytes(writer.file.header + writer.file.data)
        return try CausalConvolution(
            Checkpoint(bytes, file: "test").root, in: 12, out: channels, kernel: kernel, before: before, on: device)
    }

    private func run(
        _ chunks: [Int], on device: Device, out channels: Int = 5, accumulate: Bool = false
    ) throws -> [Float] {
        let convolution = try layer(device, out: channels)
        var random = TorchRandomSource(seed: 2)
        let frame = 6 * 7 * 12
        let input = random.normals(chunks.reduce(0, +) * frame)
        var result: [Float] = []
        var start = 0
        for frames in chunks {
            let values = Array(input[start * frame..<(start + frames) * frame])
            let x = try device.backend.upload(values, [frames, 6, 7, 12])
            try device.backend.copy(x, into: convolution.input(frames: frames, height: 6, width: 7))
            let given = [Float](repeating: 0.5, count: frames * 6 * 7 * channels)
            let out = try device.backend.upload(given, [frames, 6, 7, channels])
            try convolution(accumulate: accumulate, into: out)
            result += try device.backend.download(out)
            start += frames
        }
        return result
    }

    @Test(arguments: [[1, 1, 1, 1, 1, 1, 1], [1, 4, 2], [3, 1, 3], [2, 5]])
    func `the result does not depend on how the frames are divided`(_ chunks: [Int]) throws {
        let device = Device(backend: try CPUBackend(threads: 2), dtype: .f32)
        let deviation = Deviation(try run(chunks, on: device), from: try run([7], on: device))
        #expect(deviation.relative < 1e-6, "\(deviation)")
    }

    @Test(arguments: [DType.f32, .bf16], [false, true])
    func `what is kept of the past, frames or sums, does not show in the result`(
        _ dtype: DType, _ accumulate: Bool
    ) throws {
        let device = Device(backend: try CPUBackend(threads: 2), dtype: dtype)
        for chunks in [[1, 1, 1, 1, 1], [2, 3], [5]] {
            let frames = try run(chunks, on: device, out: 5, accumulate: accumulate)
            let sums = try run(chunks, on: device, out: 1, accumulate: accumulate)
            let first = stride(from: 0, to: frames.count, by: 5).map { frames[$0] }
            let deviation = Deviation(sums, from: first)
            #expect(deviation.relative < 1e-6, "\(deviation)")
        }
    }

    @Test(arguments: [DType.f32, .bf16], [1, 5])
    func `a first frame seen before itself is one that came three times`(_ dtype: DType, _ channels: Int) throws {
        let backend = try CPUBackend(threads: 2)
        let device = Device(backend: backend, dtype: dtype)
        var random = TorchRandomSource(seed: 3)
        let (first, rest) = (random.normals(6 * 7 * 12), random.normals(2 * 6 * 7 * 12))
        func results(_ before: CausalConvolution.Before, _ values: [Float], _ chunk: Int) throws -> [Float] {
            let convolution = try layer(device, out: channels, before: before)
            let x = try backend.upload(values, [values.count / first.count, 6, 7, 12])
            let given = try backend.upload(
                [Float](repeating: 0.5, count: x.shape[0] * 6 * 7 * channels), [x.shape[0], 6, 7, channels])
            for start in stride(from: 0, to: x.shape[0], by: chunk) {
                let end = min(start + chunk, x.shape[0])
                try backend.copy(x[start..<end], into: convolution.input(frames: end - start, height: 6, width: 7))
                try convolution(accumulate: true, into: given[start..<end])
            }
            return try backend.download(given)
        }
        for chunk in 1...3 {
            let three = try results(.zeros, first + first + first + rest, 5).dropFirst(2 * 6 * 7 * channels)
            let deviation = Deviation(try results(.first, first + rest, chunk), from: Array(three))
            #expect(deviation.relative < 1e-6, "\(chunk): \(deviation)")
        }
    }

    @Test func `few results are kept rather than many inputs`() throws {
        let backend = try CPUBackend(threads: 1)
        let device = Device(backend: backend, dtype: .f32)
        let convolution = try layer(device, out: 1)
        let before = backend.pool.currentBytes
        for _ in 0..<3 {
            try device.backend.zero(convolution.input(frames: 1, height: 64, width: 64))
            try convolution(into: device.backend.allocate([1, 64, 64, 1], .f32))
        }
        #expect(backend.pool.currentBytes - before < 64 * 64 * 4 * 4)
    }

    @Test(arguments: [DType.f32, .bf16])
    func `an input written over another array is the same input`(_ dtype: DType) throws {
        let device = Device(backend: try CPUBackend(threads: 1), dtype: dtype)
        let convolution = try layer(device)
        var random = TorchRandomSource(seed: 3)
        for _ in 0..<4 {
            let values = random.normals(6 * 7 * 12)
            func push(_ place: (Tensor) throws -> Tensor) throws -> [Float] {
                let x = try device.backend.upload(values, [1, 6, 7, 12])
                let input = try place(x)
                #expect(input.dtype == dtype)
                if input.storage !== x.storage { try device.backend.copy(x, into: input) }
                let out = try device.backend.allocate([1, 6, 7, 5], .f32)
                try convolution(into: out)
                return try device.backend.download(out)
            }
            convolution.reset()
            let first = try push { _ in try convolution.input(frames: 1, height: 6, width: 7) }
            let second = try push { _ in try convolution.input(frames: 1, height: 6, width: 7) }
            convolution.reset()
            #expect(try push { try convolution.input(over: $0) } == first)
            #expect(try push { try convolution.input(over: $0) } == second)
        }
    }

    @Test(arguments: [DType.f32, .bf16], [1, 2, 3, 5, 8, 11])
    func `a frame enlarged in bands has the same bits as one enlarged whole`(_ dtype: DType, _ rows: Int) throws {
        let device = Device(backend: try CPUBackend(threads: 2), dtype: dtype)
        let layer = try frameLayer(in: 20, doubles: false, on: device)
        let (x, large) = try frames(1, channels: 20, on: device)
        let out = try device.backend.allocate([1, 22, 18, 24], .f32)
        try layer.doubling(x, into: out, bandBytes: rows * 4 * 9 * 20 * dtype.byteWidth)
        #expect(try device.backend.download(out) == device.backend.download(layer(large)))
    }

    @Test(arguments: [DType.f32, .bf16], [1, 3])
    func `frames that are enlarged by sums of weights are those enlarged first`(_ dtype: DType, _ count: Int) throws {
        let device = Device(backend: try CPUBackend(threads: 2), dtype: dtype)
        let (x, large) = try frames(count, channels: 37, on: device)
        let expected = try device.backend.download(frameLayer(in: 37, doubles: false, on: device)(large))
        let out = try device.backend.allocate([count, 22, 18, 24], .f32)
        let layer = try frameLayer(in: 37, doubles: true, on: device)
        for index in 0..<count { try layer.doubling(x[index..<index + 1], into: out[index..<index + 1]) }
        let deviation = Deviation(try device.backend.download(out), from: expected)
        #expect(deviation.relative < 1e-6, "\(deviation)")
    }

    private func frameLayer(in channels: Int, doubles: Bool, on device: Device) throws -> FrameConvolution {
        var random = TorchRandomSource(seed: 4)
        var writer = SafetensorsWriter()
        writer.add("weight", [24, channels, 3, 3], random.normals(24 * channels * 9))
        writer.add("bias", [24], random.normals(24))
        let bytes = HostBytes(writer.file.header + writer.file.data)
        return try FrameConvolution(
            Checkpoint(bytes, file: "test").root, in: channels, out: 24, kernel: 3, doubles: doubles, on: device)
    }

    /// Frames of 11 × 9, and the same with each row and column twice.
    private func frames(_ count: Int, channels: Int, on device: Device) throws -> (Tensor, Tensor) {
        var random = TorchRandomSource(seed: 5)
        let x = try device.backend.upload(random.normals(count * 99 * channels), [count, 11, 9, channels])
        let large = try device.allocate([count, 22, 18, channels])
        try device.backend.upsample2x(device.cast(x), into: large)
        return (x, large)
    }

    @Test func `what was seen is forgotten at a reset`() throws {
        let device = Device(backend: try CPUBackend(threads: 1), dtype: .f32)
        let convolution = try layer(device)
        let out = try device.backend.allocate([1, 2, 2, 5], .f32)
        func push() throws -> [Float] {
            try device.backend.copy(
                device.backend.upload((0..<48).map(Float.init), [1, 2, 2, 12]),
                into: convolution.input(frames: 1, height: 2, width: 2))
            try convolution(into: out)
            return try device.backend.download(out)
        }
        let first = try push()
        #expect(try push() != first)
        convolution.reset()
        #expect(try push() == first)
    }
}

import Compute
import ComputeCPU
import TestSupport
import TestTools
import Testing
import Weights

@testable import Layers

@Suite(.bounded) struct CausalConvolutionTests {
    private func layer(_ device: Device) throws -> CausalConvolution {
        let kernel = [3, 3, 3]
        var random = TorchRandomSource(seed: 1)
        var writer = SafetensorsWriter()
        writer.add("weight", [5, 4] + kernel, random.normals(5 * 4 * 27))
        writer.add("bias", [5], random.normals(5))
        let bytes = HostBytes(writer.file.header + writer.file.data)
        return try CausalConvolution(
            Checkpoint(bytes, file: "test").root, in: 4, out: 5, kernel: kernel, on: device)
    }

    private func run(_ chunks: [Int], on device: Device) throws -> [Float] {
        let convolution = try layer(device)
        var random = TorchRandomSource(seed: 2)
        let frame = 6 * 7 * 4
        let input = random.normals(chunks.reduce(0, +) * frame)
        var result: [Float] = []
        var start = 0
        for frames in chunks {
            let values = Array(input[start * frame..<(start + frames) * frame])
            let x = try device.backend.upload(values, [frames, 6, 7, 4])
            try device.backend.copy(x, into: convolution.input(frames: frames, height: 6, width: 7))
            let out = try device.backend.allocate([frames, 6, 7, 5], .f32)
            try convolution(into: out)
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

    @Test func `what was seen is forgotten at a reset`() throws {
        let device = Device(backend: try CPUBackend(threads: 1), dtype: .f32)
        let convolution = try layer(device)
        let out = try device.backend.allocate([1, 2, 2, 5], .f32)
        func push() throws -> [Float] {
            try device.backend.copy(
                device.backend.upload((0..<16).map(Float.init), [1, 2, 2, 4]),
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

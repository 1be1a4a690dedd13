import Compute
import ComputeCUDA
import FakeGPU
import TestSupport

/// A little of everything that a model asks of a backend.
struct Workload {
    private let values = (0..<2048).map { Float(($0 * 37 + 11) % 64) / 64 - 0.5 }
    private let cache: CubinCache?

    /// - Parameter cache: nil compiles the kernels at every run.
    init(cache: CubinCache? = nil) {
        self.cache = cache
    }

    /// Makes a backend, runs all of it on it, and gives everything back.
    func run(on gpu: FakeGPU) throws(ComputeError) -> [Float] {
        // Weights are several slabs long.
        let backend = try CUDABackend(
            0, gpu.libraries, cache: cache, threads: 1,
            tuning: CUDABackend.Tuning(memoryGranularity: 16, slabBytes: 512))
        return try run(on: backend)
    }

    /// What came of it, the same each time.
    func run(on backend: CUDABackend) throws(ComputeError) -> [Float] {
        let attended = try attend(backend)
        let pixels = try decode(backend)
        return try backend.download(attended) + pixels
    }

    /// Products by the library and by our kernels, attention, and a recording of them that is repeated.
    private func attend(_ backend: CUDABackend) throws(ComputeError) -> Tensor {
        let plain = try backend.linearWeight(stored([24, 16], at: 5), for: .bf16)
        let fused = try backend.linearWeight(stored([16, 24], at: 7), for: .bf16)
        let bias = try backend.vector(stored([16], at: 3))
        let x = try backend.allocate([9, 16], .bf16)
        try backend.copy(backend.upload(Array(values[..<144]), [9, 16]), into: x)
        let sum = try backend.allocate([9, 16], .f32)
        try backend.zero(sum)
        let body = { () throws(ComputeError) in
            let hidden = try backend.allocate([9, 24], .bf16)
            try backend.linear(x, plain, bias: nil, .none, into: hidden)
            let out = try backend.allocate([9, 16], .bf16)
            try backend.linear(hidden, fused, bias: bias, .gelu, into: out)
            let attended = try backend.allocate([9, 16], .bf16)
            try backend.attention(
                out, out, out, heads: 2, scale: 0.35, groups: .all, bias: nil, into: attended)
            let wide = try backend.allocate([9, 16], .f32)
            try backend.copy(attended, into: wide)
            try backend.combine([(1, sum), (1, wide)], into: sum)
        }
        let recording = try backend.record(body)
        for _ in 0..<2 { try recording?.replay() }
        return sum
    }

    /// A convolution whose frames leave as bytes.
    private func decode(_ backend: CUDABackend) throws(ComputeError) -> [Float] {
        let kernel = try backend.convolutionWeight(stored([3, 8, 1, 3, 3], at: 1), for: .bf16)
        let x = try backend.allocate([1, 4, 4, 8], .bf16)
        try backend.copy(backend.upload(Array(values[..<128]), [1, 4, 4, 8]), into: x)
        var pending: [any PendingBytes] = []
        for _ in 0..<2 {
            let out = try backend.allocate([1, 4, 4, 3], .f32)
            try backend.convolution(x, history: [], kernel, bias: nil, accumulate: false, into: out)
            let pixels = try backend.allocate([1, 4, 4, 3], .u8)
            try backend.pixels(out, patch: 1, into: pixels)
            pending.append(try backend.startDownload(pixels))
        }
        var bytes: [UInt8] = []
        for part in pending { bytes += try part.bytes() }
        return bytes.map(Float.init)
    }

    private func stored(_ shape: Shape, at place: Int) -> StoredTensor {
        var bytes: [UInt8] = []
        for value in values[place..<place + shape.count] {
            for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(value.bitPattern >> shift & 0xff)) }
        }
        return StoredTensor(bytes: HeapBytes(bytes).host, dtype: .f32, shape: shape)
    }
}

import Compute
import ComputeCPU
import TestSupport
import TestTools
import Testing

@Suite(.bounded) struct MemoryTests {
    @Test func `a loop reuses its buffers`() throws {
        let backend = try CPUBackend(threads: 1)
        for _ in 0..<50 {
            let x = try backend.allocate([100, 1000], .f32)
            let y = try backend.allocate([50, 1000], .bf16)
            try backend.copy(x[0..<50], into: y)
        }
        #expect(backend.pool.peakBytes <= 600_000)
        #expect(backend.pool.currentBytes == 0)
        #expect(backend.pool.keptBytes <= 600_000)
    }

    @Test func `kept and used memory together are never more than the most that was in use`() throws {
        let backend = try CPUBackend(threads: 1)
        for size in stride(from: 1_000_000, through: 9_000_000, by: 777_777) {
            let x = try backend.allocate([size], .u8)
            #expect(x.byteCount == size)
            #expect(backend.pool.currentBytes + backend.pool.keptBytes <= backend.pool.peakBytes)
        }
        backend.pool.releaseKept(downTo: 0)
        #expect(backend.pool.keptBytes == 0)
    }

    @Test func `large blocks of other sizes become new ones, and keep together`() throws {
        let backend = try CPUBackend(threads: 1)
        let megabyte = 1 << 20
        var tensors: [(round: Int, tensor: Tensor)] = []
        for round in 0..<40 {
            // Nine sizes from 3 to 11 MB, most of them no multiple of a huge page.
            let size = (3 + round * 7 % 9) * megabyte / 4
            tensors.append((round, try backend.upload(CountedFloats.make(size, from: round), [size])))
            if tensors.count > 3 { tensors.removeFirst() }
            for (round, tensor) in tensors {
                let values = try backend.download(tensor)
                #expect(CountedFloats.areWhole(values, count: tensor.shape.count, from: round))
            }
            #expect(backend.pool.currentBytes + backend.pool.keptBytes <= backend.pool.peakBytes)
        }
    }

    @Test func `an impossible size is an error, not a crash`() throws {
        let backend = try CPUBackend(threads: 1)
        #expect(throws: ComputeError.outOfMemory(requested: 1 << 60, backend: "cpu")) {
            _ = try backend.allocate([1 << 58], .f32)
        }
        #expect(backend.pool.currentBytes == 0)
    }

    @Test func `weights of the right dtype are not copied`() throws {
        let backend = try CPUBackend(threads: 1)
        let bytes = HeapBytes([UInt8](repeating: 0, count: 64 * 64 * 4))
        let stored = StoredTensor(bytes: bytes.host, dtype: .f32, shape: [64, 64])
        _ = try (backend.resident(stored), backend.vector(stored), backend.linearWeight(stored, for: .f32))
        #expect(backend.pool.peakBytes == 0)
        _ = try backend.linearWeight(stored, for: .bf16)
        #expect(backend.pool.peakBytes > 0)
    }

    @Test func `the file's pages are freed behind a converted weight, and only then`() throws {
        let backend = try CPUBackend(threads: 1)
        let bytes = HeapBytes([UInt8](repeating: 0, count: 64 * 64 * 9 * 4))
        let matrix = StoredTensor(bytes: bytes.host, dtype: .f32, shape: [64, 64 * 9])
        _ = try backend.linearWeight(matrix, for: .f32)
        #expect(bytes.drops == 0)
        _ = try backend.linearWeight(matrix, for: .bf16)
        #expect(bytes.drops == 1)

        let kernel = try backend.convolutionWeight(matrix.reshaped([64, 64, 1, 3, 3]), for: .f32)
        let x = try backend.allocate([2, 4, 4, 64], .f32)
        let out = try backend.allocate([2, 4, 4, 64], .f32)
        for _ in 0..<3 { try backend.convolution(x, history: [], kernel, bias: nil, accumulate: false, into: out) }
        #expect(bytes.drops == 2)
    }
}

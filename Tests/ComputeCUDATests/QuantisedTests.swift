import Compute
import ComputeCPU
import ComputeCUDA
import FakeGPU
import KernelEmulation
import TestSupport
import TestTools
import Testing

/// Stored numbers on a GPU.
@Suite(.bounded) struct QuantisedTests {
    private static func bits(_ stored: StoredTensor, on backend: any Backend) throws -> [UInt32] {
        try backend.download(backend.vector(stored)).map(\.bitPattern)
    }

    @Test(arguments: [(8, 0), (9, 0)])
    func `every format has the bits that the processor makes of it`(_ major: Int, _ minor: Int) throws {
        let gpu = FakeGPU(Int32(major), Int32(minor))
        do {
            let (backend, processor) = (try gpu.backend(), try CPUBackend(threads: 2))
            for format in Quantisation.allCases {
                let extents: [WeightScales.Extent?] =
                    format.blockCount == 1 ? [nil, .matrix, .row, .tile(128)] : [nil]
                for extent in extents {
                    let stored = StoredTensor(random: format, [7, 768], extent)
                    #expect(
                        try Self.bits(stored, on: backend) == Self.bits(stored, on: processor),
                        "\(format.rawValue) \(extent.map { "\($0)" } ?? "")")
                }
            }
        }
        #expect(gpu.finish() == [])
    }

    /// Makes matrices, begins to bring them, and lets go of them.
    private static func giveUp(_ stored: [StoredTensor], on backend: CUDABackend) throws {
        let late = try #require(
            try backend.late {
                for tensor in stored { _ = try backend.linearWeight(tensor, for: .f32) }
            })
        try late.takePlaces(within: .max)
        try late.fill()
    }

    /// A network may be made before there is room for its matrices.
    @Test(arguments: [0, 170_000, Int.max])
    func `matrices that come later are what they are at once`(_ room: Int) throws {
        let gpu = FakeGPU(schedule: FAKE_SCHEDULE_MIXED)
        do {
            let backend = try gpu.backend()
            var random = TestRandom(seed: 1)
            let values = (0..<96 * 100).map { _ in Float(random.below(1000)) / 1000 }
            let stored = [
                StoredTensor(random: .q8_0, [256, 512]), StoredTensor(random: .int8, [64, 300], .row),
                StoredTensor(
                    bytes: HeapBytes(unsafe values.withUnsafeBytes { unsafe Array($0) }).host, dtype: .f32,
                    shape: [96, 100]),
            ]
            func products(_ weights: [LinearWeight], _ dtype: DType) throws -> [[Float]] {
                try weights.map { weight in
                    let ones = [Float](repeating: 1, count: 3 * weight.inFeatures)
                    let x = try backend.allocate([3, weight.inFeatures], dtype)
                    try backend.copy(backend.upload(ones, [3, weight.inFeatures]), into: x)
                    let out = try backend.allocate([3, weight.outFeatures], .f32)
                    try backend.linear(x, weight, bias: nil, .none, into: out)
                    return try backend.download(out)
                }
            }
            for dtype in [DType.f32, .bf16] {
                let atOnce = try stored.map { try backend.linearWeight($0, for: dtype) }
                let expected = try products(atOnce, dtype)
                var made: [LinearWeight] = []
                let before = backend.pool.currentBytes
                let late = try #require(
                    try backend.late { made = try stored.map { try backend.linearWeight($0, for: dtype) } })
                // Scales of rows are there at once.
                #expect(backend.pool.currentBytes - before < 1024)
                try late.takePlaces(within: room)
                #expect(backend.pool.currentBytes - before <= max(room, 1024))
                _ = try products(atOnce, dtype)
                try late.fill()
                try late.finish()
                #expect(try products(made, dtype) == expected)
            }
            // What is given up on its way leaves no copy behind.
            try Self.giveUp(stored, on: backend)
            #expect(try products(stored.map { try backend.linearWeight($0, for: .f32) }, .f32).count == 3)
        }
        #expect(gpu.finish() == [])
    }
}

import Compute
import Glibc
import TestSupport
import TestTools
import Testing

@testable import ComputeCPU

@Suite(.bounded) struct ProductRouteTests {
    @Test(arguments: [
        ("ref:any", true), ("ref_int8:any", true), ("gemm:ref", true), ("simple:any", true), ("simple::any", true),
        ("x64:gemm:jit", false), ("brgemm:avx512_core_bf16", false), ("jit:uni", false), ("jit_1x1:avx2", false),
        ("", false),
    ]) func `loops are known by their names`(name: String, isLoop: Bool) {
        #expect(Primitive.isLoop(name) == isLoop)
    }

    /// More rows than the pass takes at once: 256, 256 and 8 of them.
    @Test(arguments: [DType.f32, .bf16])
    func `a product is the same whoever computes it`(outType: DType) throws {
        let (m, n, k) = (520, 8192, 4)
        var random = TestRandom(seed: 1)
        func values(_ count: Int) -> [Float] { (0..<count).map { _ in Float(random.below(2001) - 1000) / 500 } }
        let (x, w, bias, gate) = (values(m * k), values(n * k), values(n), values(n))
        func product(_ configure: (CPUBackend) -> Void) throws -> [Float] {
            let backend = try CPUBackend(threads: 2)
            configure(backend)
            let bytes = unsafe HeapBytes(w.withUnsafeBytes { unsafe Array($0) })
            let stored = StoredTensor(bytes: bytes.host, dtype: .f32, shape: [n, k])
            let out = try backend.allocate([m, n], outType)
            try backend.copy(backend.upload([Float](repeating: 1, count: m * n), [m, n]), into: out)
            try backend.linear(
                backend.upload(x, [m, k]), backend.linearWeight(stored, for: .f32), bias: backend.upload(bias, [n]),
                .gatedAdd(gate: backend.upload(gate, [n])), into: out)
            return try backend.download(out)
        }
        let ours = try product { $0.ownProductLimit = .max }
        let theirs = try product { $0.ownProductLimit = 0 }
        let bound: Float = outType == .f32 ? 1e-5 : 8e-3
        let worst = zip(ours, theirs).map { abs($0 - $1) / max(1, abs($0)) }.max() ?? .infinity
        #expect(worst <= bound, "\(worst)")
    }

    @Test func `a packed matrix is unpacked where no kernel reads it`() throws {
        let (m, n, k) = (9, 33, 20)
        func product(_ backend: CPUBackend, then change: () -> Void) throws -> [Float] {
            let words = (0..<n * k).map { UInt16(0x3f00 + $0 % 0x100) }
            let bytes = unsafe HeapBytes(words.withUnsafeBytes { unsafe Array($0) })
            let weight = try backend.linearWeight(
                StoredTensor(bytes: bytes.host, dtype: .bf16, shape: [n, k]), for: .f32)
            change()
            let out = try backend.allocate([m, n], .f32)
            try backend.linear(
                backend.upload((0..<m * k).map { Float($0 % 7) }, [m, k]), weight, bias: nil, .none, into: out)
            return try backend.download(out)
        }
        let (packing, plain) = (try CPUBackend(threads: 1), try CPUBackend(threads: 1))
        packing.ownProductLimit = 0
        plain.ownProductLimit = .max
        let unpacked = try product(packing) { packing.acceptsImplementation = { _ in false } }
        #expect(try unpacked == product(plain) {})
    }

    @Test func `what was measured first stays, whatever is measured later`() throws {
        let folder = try TemporaryFolder()
        let faster = FasterDType(folder: folder.file("new/cache"), identity: "x")
        #expect(faster.prefersBF16 { $0 == .bf16 ? 120 : 100 })
        #expect(faster.prefersBF16 { _ in 100 })
        #expect(!FasterDType(folder: folder.file("new/cache"), identity: "y").prefersBF16 { $0 == .bf16 ? 105 : 100 })
        #expect(try folder.names == ["new"])
    }

    @Test func `without a place to keep it nothing is measured, and every process does the same`() throws {
        let folder = try TemporaryFolder()
        #expect(unsafe chmod(folder.path, 0o777) == 0)
        for place in [nil, "/proc/none", folder.path] {
            let faster = FasterDType(folder: place, identity: "x")
            #expect(!faster.prefersBF16 { $0 == .bf16 ? 120 : 100 }, "\(place ?? "")")
        }
    }

    @Test func `what was kept and is no answer stands for f32`() throws {
        let folder = try TemporaryFolder()
        for text in ["", "f16", "bf16 or so"] {
            let path = folder.file("faster-dtype-x")
            let file = unsafe try #require(fopen(path, "w"))
            unsafe fputs(text, file)
            unsafe fclose(file)
            #expect(!FasterDType(folder: folder.path, identity: "x").prefersBF16 { $0 == .bf16 ? 2 : 1 })
        }
    }

    @Test func `speeds are those of this processor`() throws {
        let backend = try CPUBackend(threads: 1)
        let peak = backend.peakSpeed()
        #expect(peak > 1e9)
        for dtype in [DType.f32, .bf16] {
            #expect(try backend.productSpeed(dtype) > 0.02 * peak)
            #expect(try backend.convolutionSpeed(dtype) > 0.02 * peak)
        }
    }
}

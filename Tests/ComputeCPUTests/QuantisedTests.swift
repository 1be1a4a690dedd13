import CKernels
import Compute
import Foundation
import TestSupport
import TestTools
import Testing

@testable import ComputeCPU
@testable import Weights

@Suite(.bounded) struct QuantisedTests {
    /// What the reference makes of stored bytes.
    private struct Golden: Decodable {
        struct Format: Decodable {
            let bytes: Data
            let values: Data
        }

        let rows: Int
        let columns: Int
        let formats: [String: Format]
    }

    @Test func `every format becomes bit for bit what the reference makes of it, on every instruction set`() throws {
        let text = try Data(contentsOf: URL(filePath: Fixture.path("quantised.json")))
        let golden = try JSONDecoder().decode(Golden.self, from: text)
        #expect(Set(golden.formats.keys) == Set(Quantisation.allCases.map(\.rawValue)))
        let levels = [CK_ISA_BASELINE, CK_ISA_AVX2, CK_ISA_AVX512, CK_ISA_AVX512_BF16]
        for level in levels where level.rawValue <= ck_isa_best().rawValue {
            let backend = try CPUBackend(threads: 2, hasNativeBF16: false, level: level)
            for (name, format) in golden.formats {
                let quantisation = try #require(Quantisation(rawValue: name))
                let stored = StoredTensor(
                    bytes: HeapBytes([UInt8](format.bytes)).host, format: .quantised(quantisation),
                    shape: [golden.rows, golden.columns])
                let found = try backend.download(backend.vector(stored)).map(\.bitPattern)
                let expected = unsafe format.values.withUnsafeBytes { unsafe Array($0.bindMemory(to: UInt32.self)) }
                #expect(found == expected, "\(name), \(level)")
            }
        }
    }

    @Test func `a file that the reference wrote holds what the reference reads of it`() throws {
        let text = try Data(contentsOf: URL(filePath: Fixture.path("quantised.json")))
        let golden = try JSONDecoder().decode(Golden.self, from: text)
        let path = Fixture.path("quantised.gguf")
        let file = try GGUF(MappedFile.open(path), file: path)
        let backend = try CPUBackend(threads: 2)
        #expect(file.architecture == "wan")
        #expect(Set(file.entries.keys) == Set(golden.formats.keys).subtracting(["F8_E4M3", "F8_E5M2", "I8"]))
        for key in file.entries.keys {
            let stored = try file.tensor(key)
            #expect(stored.shape == [golden.rows, golden.columns] && stored.format.name == key)
            let found = try backend.download(backend.vector(stored)).map(\.bitPattern)
            let values = golden.formats[key]?.values ?? Data()
            let expected = unsafe values.withUnsafeBytes { unsafe Array($0.bindMemory(to: UInt32.self)) }
            #expect(found == expected, "\(key)")
        }
    }

    @Test func `Swift and C agree about the blocks of every format`() {
        for quantisation in Quantisation.allCases {
            #expect(ck_format_numbers(quantisation.ck) == quantisation.blockCount, "\(quantisation)")
            #expect(ck_format_bytes(quantisation.ck) == quantisation.blockBytes, "\(quantisation)")
        }
    }

    @Test(arguments: [Quantisation.q8_0, .q4K, .e4m3])
    func `a matrix takes no memory beside the bytes that are stored`(format: Quantisation) throws {
        let backend = try CPUBackend(threads: 2)
        let stored = StoredTensor(random: format, [512, 512])
        let weight = try backend.linearWeight(stored, for: .f32)
        #expect(backend.pool.currentBytes == 0)
        #expect(weight.format == .quantised(format))
        #expect(weight.storage.byteCount == stored.bytes.count)
    }

    @Test(arguments: [Quantisation.q6K, .e4m3, .int8])
    func `a LoRA is added to the numbers of a quantised matrix`(format: Quantisation) throws {
        let backend = try CPUBackend(threads: 2)
        let stored = StoredTensor(random: format, [8, 256], format.blockCount == 1 ? .row : nil)
        var writer = SafetensorsWriter()
        writer.add("q.lora_A.weight", [1, 256], (0..<256).map(Float.init))
        writer.add("q.lora_B.weight", [8, 1], (0..<8).map(Float.init))
        let file = try AdapterFile(HostBytes(writer.file.header + writer.file.data), file: "lora", config: nil)
        let deltas = try file.deltas(on: AdapterTargets(["q.weight": [8, 256]]) { _ in nil }, strength: 0.5).deltas
        let merged = try #require(try deltas.merged(stored, "q.weight", on: backend))
        let values = try backend.download(backend.vector(stored))
        let expected = values.enumerated().map { index, value in
            value + 0.5 * Float(index / 256) * Float(index % 256)
        }
        #expect(merged.format == .dense(.f32) && merged.shape == [8, 256])
        #expect(Deviation(merged.bytes.floats, from: expected).relative < 1e-6)
    }

    /// A level is a whole number, and NaN is none.
    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func `what is no number in a row stays none in its results, and in no others`(value: Float) throws {
        let backend = try CPUBackend(threads: 2)
        var x = [Float](repeating: 1, count: 8 * 512)
        x[2 * 512 + 77] = value
        let out = try backend.allocate([8, 40], .f32)
        try backend.linear(
            backend.upload(x, [8, 512]), backend.linearWeight(StoredTensor(random: .q8_0, [40, 512]), for: .f32),
            bias: nil, .none, into: out)
        let found = try backend.download(out)
        for row in 0..<8 {
            #expect(found[row * 40..<(row + 1) * 40].allSatisfy { $0.isFinite == (row != 2) }, "row \(row)")
        }
    }

    /// The largest levels of both, of one sign: 512 · 32767 · 128 is just below 2³¹.
    @Test func `sums of the largest levels do not overflow`() throws {
        let backend = try CPUBackend(threads: 1)
        let stored = StoredTensor(
            bytes: HeapBytes([UInt8](repeating: 0x80, count: 33 * 512)).host, format: .quantised(.int8),
            shape: [33, 512])
        let out = try backend.allocate([7, 33], .f32)
        try backend.linear(
            backend.upload([Float](repeating: -3, count: 7 * 512), [7, 512]), backend.linearWeight(stored, for: .f32),
            bias: nil, .none, into: out)
        let exact = Float(3 * 128 * 512)
        #expect(try backend.download(out).allSatisfy { abs($0 - exact) < 1e-5 * exact })
    }
}

import Compute
import TestTools
import Testing
import VideoTypes
import Weights

/// Thousands of damaged files: each must end in an error or in a table that holds, never in a trap.
@Suite(.bounded) struct MutationTests {
    /// SplitMix64, so that a failure can be repeated.
    private struct Random: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
            return z ^ z >> 31
        }
    }

    private static let words = [
        "{", "}", "[", "]", ",", ":", "\"", "\\u", "\\ud800", "-", "0", "9", "99999999999999999999", "1e999", "1.5",
        "null",
        "true", "9223372036854775807", "4611686018427387904", "-1", "F32", "I64", "dtype", "__metadata__", " ", "\u{0}",
        "..", "/", "../x", "NaN", "\u{7F}", "é",
    ].map { Array($0.utf8) }

    /// Half of the mutants keep a header length that fits, to get behind the first check.
    private static func mutant(header: String, data: [UInt8], _ round: Int, _ random: inout Random) -> [UInt8] {
        round % 2 == 0
            ? mutant(of: FileBuilder.file(header: header, data: data), &random)
            : FileBuilder.file(
                header: String(decoding: mutant(of: Array(header.utf8), &random), as: UTF8.self), data: data)
    }

    /// One to four changes: a bit, a byte, a cut, a doubled stretch, a word put in or over.
    private static func mutant(of bytes: [UInt8], _ random: inout Random) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard !bytes.isEmpty else { return bytes }
            let at = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, at + Int.random(in: 1...24, using: &random))
            switch Int.random(in: 0..<7, using: &random) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 2: bytes.removeSubrange(at..<end)
            case 3: bytes.insert(contentsOf: bytes[at..<end], at: at)
            case 4: bytes.insert(contentsOf: words.randomElement(using: &random) ?? [], at: at)
            case 5: bytes.replaceSubrange(at..<end, with: words.randomElement(using: &random) ?? [])
            default: bytes.removeSubrange(at...)
            }
        }
        return bytes
    }

    @Test func `a damaged safetensors file never traps`() throws {
        let header =
            #"{"__metadata__":{"format":"pt"},"#
            + [
                FileBuilder.entry("a.weight", "F32", [2, 3], 0, 24), FileBuilder.entry("b", "BF16", [4], 24, 32),
                FileBuilder.entry("c", "I64", [1], 32, 40), FileBuilder.entry("d", "F16", [0, 7], 40, 40),
            ].joined(separator: ",") + "}"
        let data = (0..<40).map { UInt8($0) }
        var random = Random(state: 1)
        var accepted = 0
        for round in 0..<6000 {
            let bytes = Self.mutant(header: header, data: data, round, &random)
            let error = failure { () throws(WeightError) in
                let file = try Safetensors(HostBytes(bytes), file: "m")
                accepted += 1
                for (key, entry) in file.entries where entry.dtype != nil {
                    let tensor = try file.tensor(key)
                    #expect(tensor.bytes.count == tensor.shape.count * tensor.dtype.byteWidth)
                    #expect(entry.range.upperBound <= bytes.count)
                }
            }
            if let error { #expect(!error.message.isEmpty && !error.hint.text.isEmpty) }
        }
        #expect(accepted > 50 && accepted < 3000, "\(accepted) of 6000 mutants were accepted")
    }

    @Test func `a damaged GGUF file never traps`() throws {
        let sample = GGUFBuilder.sample
        var random = Random(state: 4)
        var accepted = 0
        for round in 0..<8000 {
            var bytes = Self.mutant(of: round % 2 == 0 ? sample.file : sample.header, &random)
            if round % 2 == 1 {
                bytes += [UInt8](repeating: 0, count: -bytes.count & 31) + sample.data
            }
            // Every fourth has a whole number of the header changed to one at the edge of something.
            if round % 4 == 0, bytes.count > 40 {
                let at = Int.random(in: 0..<min(bytes.count, sample.header.count) - 8, using: &random)
                let edges: [UInt64] = [.max, 1 << 63, 1 << 62, 1 << 32, 1 << 31, 0]
                let edge = edges.randomElement(using: &random) ?? 0
                bytes.replaceSubrange(at..<at + 8, with: GGUFBuilder.bytes(edge))
            }
            let error = failure { () throws(WeightError) in
                let file = try GGUF(HostBytes(bytes), file: "m")
                accepted += 1
                for (key, entry) in file.entries {
                    #expect(entry.range.upperBound <= bytes.count)
                    guard entry.dtypeName != "I32" else { continue }
                    let tensor = try file.tensor(key)
                    #expect(tensor.bytes.count == tensor.format.byteCount(tensor.shape))
                }
                for case .array(let array) in file.metadata.values {
                    _ = (array.bytes, array.floats, array.integers)
                    _ = array.forEachText { (text: HostBytes) throws(Never) in _ = text.copied }
                }
            }
            if let error { #expect(!error.message.isEmpty && !error.hint.text.isEmpty) }
        }
        #expect(accepted > 50 && accepted < 6000, "\(accepted) of 8000 mutants were accepted")
    }

    @Test func `a damaged index never traps`() {
        let index = Array(
            #"{"metadata":{"total_size":36},"weight_map":{"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"}}"#
                .utf8)
        let shards = [
            "1.safetensors": HostBytes(FileBuilder.file([("a", [2]), ("b", [3])])),
            "2.safetensors": HostBytes(FileBuilder.file([("c", [4])])),
        ]
        var random = Random(state: 2)
        for _ in 0..<3000 {
            var files = shards
            files["model.safetensors.index.json"] = HostBytes(Self.mutant(of: index, &random))
            let error = failure { () throws(WeightError) in
                let checkpoint = try Checkpoint(ModelFolder(files: files, name: "m"), "")
                // Whole shards and their keys may be gone, nothing may be new.
                #expect(Set(checkpoint.keys).isSubset(of: ["a", "b", "c"]) && !checkpoint.keys.isEmpty)
            }
            if let error { #expect(!error.message.isEmpty && !error.hint.text.isEmpty) }
        }
    }

    @Test func `a damaged LoRA never traps`() {
        let targets = AdapterFileTests.targets
        let metadata = #"{\"transformer.lora_alpha\":4,\"transformer.alpha_pattern\":{\"q\":2}}"#
        let header =
            #"{"__metadata__":{"lora_adapter_metadata":"\#(metadata)"},"#
            + [
                FileBuilder.entry("transformer.blocks.0.q.lora_A.weight", "F32", [2, 4], 0, 32),
                FileBuilder.entry("transformer.blocks.0.q.lora_B.weight", "BF16", [6, 2], 32, 56),
                FileBuilder.entry("transformer.blocks.0.q.alpha", "I64", [1], 56, 64),
                FileBuilder.entry("transformer.blocks.0.q.diff_b", "F16", [6], 64, 76),
            ].joined(separator: ",") + "}"
        let data = (0..<76).map { UInt8($0) }
        var random = Random(state: 4)
        var accepted = 0
        for round in 0..<6000 {
            let bytes = Self.mutant(header: header, data: data, round, &random)
            do throws(AdapterError) {
                let found = try AdapterFile(HostBytes(bytes), file: "m").deltas(on: targets, strength: 1)
                #expect(found.match.changed > 0)
                accepted += 1
            } catch {
                #expect(!error.message.isEmpty && !error.hint.text.isEmpty)
            }
        }
        #expect(accepted > 50 && accepted < 3000, "\(accepted) of 6000 mutants were accepted")
    }

    private struct Config: Decodable {
        let layers: Int
        let eps: Double
        let mean: [Double]
        let boundary: Double?
        let kind: String
        let flag: Bool?
    }

    @Test func `a damaged config never traps`() {
        let text = Array(
            #"{"layers":30,"eps":1e-06,"mean":[-0.75,1.5,-0.25],"boundary":null,"kind":"WanPipeline","flag":true}"#.utf8
        )
        var random = Random(state: 3)
        for _ in 0..<3000 {
            let folder = ModelFolder(files: ["c.json": HostBytes(Self.mutant(of: text, &random))], name: "m")
            let error = failure { () throws(WeightError) in
                let config = try folder.config("c.json", as: Config.self)
                let fields = ConfigFields(file: "c.json")
                try fields.positive(config.layers, "layers", limit: 200)
                try fields.real(config.eps, "eps", in: 0...1)
                for value in config.mean { try fields.real(value, "mean", in: -100...100) }
            }
            if let error { #expect(!error.message.isEmpty && !error.hint.text.isEmpty) }
        }
    }
}

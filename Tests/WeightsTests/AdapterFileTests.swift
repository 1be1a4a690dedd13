import Compute
import TestTools
import Testing
import VideoTypes
import Weights

/// What an adapter's file may be, and what is said of one that is wrong.
@Suite(.bounded) struct AdapterFileTests {
    typealias Tensors = [(name: String, shape: [Int], values: [Float])]

    static func tensor(_ name: String, _ shape: [Int], _ value: Float = 0.5) -> Tensors.Element {
        (name, shape, [Float](repeating: value, count: shape.reduce(1, *)))
    }

    static func bytes(_ tensors: Tensors) -> [UInt8] {
        var writer = SafetensorsWriter()
        for (name, shape, values) in tensors { writer.add(name, shape, values) }
        return writer.file.header + writer.file.data
    }

    /// A network of one layer `[6, 4]` with a bias, and a table.
    static let targets = AdapterTargets(
        ["blocks.0.q.weight": [6, 4], "blocks.0.q.bias": [6], "table": [1, 2, 4]]
    ) { $0 == "table" ? "head.modulation" : nil }

    static let good: Tensors = [
        tensor("blocks.0.q.lora_A.weight", [2, 4]), tensor("blocks.0.q.lora_B.weight", [6, 2]),
    ]

    /// What comes of a file with these tensors beside, or in the place of, good ones.
    private static func error(_ tensors: Tensors, config: String? = nil) throws -> AdapterError? {
        do throws(AdapterError) {
            let file = try AdapterFile(
                HostBytes(bytes(tensors)), file: "lora.safetensors", config: config.map { HostBytes(Array($0.utf8)) })
            _ = try file.deltas(on: Self.targets, strength: 1)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            ([tensor("blocks.0.q.lora_B.weight", [6, 2])], "lora_up without lora_down"),
            ([tensor("blocks.0.q.lora_down.weight", [2, 4])], "lora_down without lora_up"),
            ([tensor("blocks.0.q.lora_A", [2, 4]), tensor("blocks.0.q.lora_B", [6, 3])], "ranks must be equal"),
            ([tensor("blocks.0.q.lora_A", [0, 4]), tensor("blocks.0.q.lora_B", [6, 0])], "ranks must be equal"),
            ([tensor("blocks.0.q.lora_A", [2]), tensor("blocks.0.q.lora_B", [6])], "ranks must be equal"),
            ([tensor("blocks.0.q.lora_A", [2, 5]), tensor("blocks.0.q.lora_B", [6, 2])], "shape [6, 5]"),
            ([tensor("blocks.0.q.diff", [6, 3])], "shape [6, 3]"), ([tensor("blocks.0.q.diff_b", [4])], "shape [4]"),
            ([tensor("blocks.0.q.diff_m", [6, 4])], "does not have"), ([tensor("table.diff_b", [8])], "does not have"),
            ([tensor("blocks.7.q.diff", [6, 4])], "no key matches the model"), ([], "no key matches the model"),
            (good + [tensor("blocks.0.q.dora_scale", [6, 1])], "DoRA"),
            (good + [tensor("blocks.0.q.lora_magnitude_vector", [6])], "DoRA"),
            ([tensor("lora_unet_blocks_0_q.lokr_w1", [2, 2])], "LoKr"),
            ([tensor("blocks.0.q.hada_w1_a", [6, 2])], "LoHa"),
            (good + [tensor("blocks.0.q.lora_mid.weight", [2, 2])], "Tucker"),
            (good + [tensor("blocks.0.q.scale", [1])], "known way"),
            ([tensor("blocks.0.q.weight", [6, 4])], "known way"),
            ([tensor("blocks.0.q.set_weight", [6, 4])], "replacement"),
            (good + [tensor("blocks.0.q.alpha", [], 0)], "other than 0"),
            (good + [tensor("blocks.0.q.alpha", [2])], "one number"),
            (good + [tensor("blocks.0.q.alpha", [], .nan)], "other than 0"),
            ([good[0], tensor("blocks.0.q.lora_B.weight", [6, 2], .infinity)], "finite"),
            (good + [tensor("transformer.blocks.0.q.diff_b", [6])], "same module"),
            (good + [tensor("blocks.0.q.lora_down.weight", [2, 4])], "changed twice"),
        ] as [(Tensors, String)])
    func `a file that would be applied wrongly is refused`(_ tensors: Tensors, _ words: String) throws {
        let error = try #require(try Self.error(tensors), "taken: \(words)")
        #expect(error.message.contains(words) && error.message.hasPrefix("lora.safetensors: "), "\(error.message)")
        #expect(error.videoError.field == .adapters && !error.hint.text.isEmpty)
    }

    @Test(
        arguments: [
            (#"{"lora_alpha": 4, "r": 2, "peft_type": "LORA"}"#, nil), (#"{"r": 3}"#, "has rank 2"),
            (#"{"rank_pattern": {"q": 2}, "r": 9}"#, nil), (#"{"rank_pattern": {"^blocks.0.q": 3}}"#, "has rank 2"),
            (#"{"rank_pattern": {"x.*": 3}}"#, "pattern"), (#"{"use_dora": true}"#, "DoRA"),
            (#"{"peft_type": "LOKR"}"#, "LOKR"), (#"{"lora_alpha": "x"}"#, "lora_alpha"),
            (#"{"lora_alpha": 1e999}"#, "lora_alpha"),
            ("[1]", "no JSON object"), ("{", "no JSON object"),
        ] as [(String, String?)])
    func `what PEFT says beside a file is heeded`(_ config: String, _ words: String?) throws {
        let error = try Self.error(Self.good, config: config)
        #expect(error.map { $0.message.contains(words ?? "-") } ?? (words == nil), "\(String(describing: error))")
    }

    @Test(
        arguments: [
            ([UInt8]("GGUF".utf8) + [3, 0, 0, 0, 0], "GGUF; LoRAs are read from safetensors"),
            ([0x50, 0x4B, 3, 4, 0, 0, 0, 0, 0], "torch.save"), ([0x80, 2, 0x7D], "torch.save"),
            ([UInt8]("<html><head>".utf8), "a web page"),
            ([UInt8]("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 7\n".utf8), "Git LFS"),
            ([UInt8]("safetensors".utf8), "a header of"),
        ] as [([UInt8], String)])
    func `a file of another format is told by what it is`(_ bytes: [UInt8], _ words: String) throws {
        let error = #expect(throws: AdapterError.self) { try AdapterFile(HostBytes(bytes), file: "f") }
        #expect(error?.message.contains(words) == true && error?.hint.text.isEmpty == false, "\(error as Any)")
    }

    @Test func `what the model has no place for is named`() throws {
        let strange = [
            Self.tensor("blocks.9.q.lora_A.weight", [2, 4]), Self.tensor("blocks.9.q.lora_B.weight", [6, 2]),
        ]
        let file = try AdapterFile(
            HostBytes(
                Self.bytes(
                    Self.good + strange + [Self.tensor("text\\u001b.x", [1]), Self.tensor("head.diff_m", [2, 4])])),
            file: "f")
        let found = try file.deltas(on: Self.targets, strength: 1)
        #expect(found.match.changed == 2 && found.deltas.keys == ["blocks.0.q.weight", "table"])
        #expect(found.match.unmatched.count == 2 && found.match.unmatched[0] == "blocks.9.q")
        #expect(!found.match.unmatched[1].contains("\u{1B}"))
    }
}

import Compute
import StrictJSON
import TestTools
import Testing
import Weights

@Suite(.bounded) struct CheckpointTests {
    private func folder(_ files: [String: [UInt8]]) -> ModelFolder {
        ModelFolder(files: files.mapValues { HostBytes($0) }, name: "model")
    }

    private func index(_ map: [(key: String, shard: String)]) -> [UInt8] {
        let entries = map.map { #""\#($0.key)":"\#($0.shard)""# }.joined(separator: ",")
        return Array(#"{"metadata":{"total_size":1},"weight_map":{\#(entries)}}"#.utf8)
    }

    private func sharded(_ map: [(key: String, shard: String)]) -> ModelFolder {
        folder([
            "t/diffusion_pytorch_model.safetensors.index.json": index(map),
            "t/one.safetensors": FileBuilder.file([("a", [2]), ("b", [3])]),
            "t/two.safetensors": FileBuilder.file([("c", [4])]),
        ])
    }

    private func problem(_ map: [(key: String, shard: String)]) -> IndexProblem? {
        let error = failure { () throws(WeightError) in _ = try Checkpoint(sharded(map), "t") }
        guard case .badIndex("model/t/diffusion_pytorch_model.safetensors.index.json", _, let problem) = error else {
            return nil
        }
        return problem
    }

    @Test func `a scope reads the tensors below its name`() throws {
        let file = FileBuilder.file([
            ("blocks.0.attn.weight", [2, 3]), ("blocks.1.attn.weight", [2, 3]), ("norm", [3]),
        ])
        let checkpoint = try Checkpoint(folder(["vae/model.safetensors": file]), "vae")
        let blocks = checkpoint.root["blocks"]
        #expect(FileBuilder.floats(try blocks[1]["attn"].tensor("weight", [2, 3])) == [1, 1, 1, 1, 1, 1])
        #expect(try checkpoint.root["blocks.0.attn"].optionalTensor("bias", [2]) == nil)
        #expect(blocks[0]["attn"].key("bias") == "blocks.0.attn.bias")
        #expect(checkpoint.byteCount == 60)
    }

    @Test func `missing keys and wrong shapes are named in full`() throws {
        let checkpoint = try Checkpoint(HostBytes(FileBuilder.file([("a.weight", [2, 3])])), file: "w")
        let scope = checkpoint.root["a"]
        #expect(
            failure { () throws(WeightError) in _ = try scope.tensor("bias", [2]) }
                == .missing(key: "a.bias", file: "w"))
        let error = failure { () throws(WeightError) in _ = try scope.tensor("weight", [3, 2]) }
        #expect(error == .shape(key: "a.weight", file: "w", expected: [3, 2], found: [2, 3]))
        #expect(error?.message == "w: tensor 'a.weight' should have shape [3, 2], has [2, 3]")
        #expect(failure { () throws(WeightError) in _ = try scope.optionalTensor("weight", [6]) } != nil)
    }

    @Test func `keys that nobody asked for are an error unless ignored with a reason`() throws {
        let names = (0..<8).map { ("extra.\($0)", [1]) } + [("a", [1])]
        let checkpoint = try Checkpoint(HostBytes(FileBuilder.file(names)), file: "w")
        _ = try checkpoint.root.tensor("a", [1])
        let error = failure { () throws(WeightError) in try checkpoint.assertAllUsed() }
        #expect(error == .unused(keys: (0..<5).map { "extra.\($0)" }, count: 8, file: "w"))
        #expect(error?.message.hasSuffix("'extra.4', …") == true)
        try checkpoint.root.assertAllUsed(ignoring: [IgnoredKey("extra.*", reason: "test")])
        let one = [IgnoredKey("extra.0", reason: "test")]
        guard case .unused(_, 7, _) = failure({ () throws(WeightError) in try checkpoint.assertAllUsed(ignoring: one) })
        else {
            Issue.record("one exact name ignores one key")
            return
        }
    }

    @Test func `shards are read through their index`() throws {
        let map = [("a", "one.safetensors"), ("b", "one.safetensors"), ("c", "two.safetensors")]
        let checkpoint = try Checkpoint(sharded(map), "t")
        #expect(Set(checkpoint.keys) == ["a", "b", "c"])
        #expect(try checkpoint.root.tensor("c", [4]).shape == [4])
    }

    @Test func `an index that disagrees with its shards is refused`() {
        let (one, two) = ("one.safetensors", "two.safetensors")
        #expect(problem([("a", one), ("c", two)]) == .notListed(shard: one))
        #expect(problem([("a", one), ("b", two), ("c", two)]) == .listedElsewhere(shard: one, listed: two))
        #expect(problem([("a", one), ("b", one), ("c", two), ("d", two)]) == .absentFrom(shard: two))
        #expect(problem([]) == .noWeightMap)
    }

    @Test(arguments: [
        "../w.safetensors", "/etc/w.safetensors", "a/b.safetensors", "one.txt", "", ".safetensors",
        "a\\\\b.safetensors",
        "a\\u0000.safetensors",
    ])
    func `a shard outside its folder is refused`(name: String) {
        guard case .unsafeName = problem([("a", name)]) else {
            Issue.record("\(name) was accepted")
            return
        }
    }

    @Test func `a key twice in an index is refused`() {
        let text = #"{"weight_map":{"a":"one.safetensors","a":"two.safetensors"}}"#
        let error = failure { () throws(WeightError) in
            _ = try Checkpoint(folder(["model.safetensors.index.json": Array(text.utf8)]), "")
        }
        guard case .badJSON("model/model.safetensors.index.json", _, .duplicateKey("a")) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a folder without weights says what was looked for`() {
        let error = failure { () throws(WeightError) in _ = try Checkpoint(folder([:]), "vae") }
        #expect(
            error?.message.hasPrefix("model/vae: no weights; looked for diffusion_pytorch_model.safetensors") == true)
    }
}

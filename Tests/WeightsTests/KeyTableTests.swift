import Compute
import TestTools
import Testing
import Weights

/// Names of other layouts.
@Suite(.bounded) struct KeyTableTests {
    private let table = KeyTable(
        layout: "theirs",
        rows: [
            .init("blocks.*.scale", "layers.*.modulation", isReshaped: true),
            .init("blocks.*.norm2", "layers.*.norm3"),
        ]
            + KeyTable.Row.below(
                "blocks.*.attn", "layers.*.attn",
                [.init("q", "qk", part: (0, 2)), .init("k", "qk", part: (1, 2)), .init("out.0", "o")]),
        ignored: [.init("*.rest", reason: "test")], foreign: [.init("vace_", "VACE")])

    private func checkpoint(_ tensors: [(String, [Int])], prefix: String = "") throws -> Checkpoint {
        let file = try TensorFiles.open(
            HostBytes(FileBuilder.file(tensors.map { (prefix + $0.0, $0.1) })), file: "w")
        return try Checkpoint(WeightSource(file).named(by: table, below: prefix))
    }

    @Test func `names go both ways, part by part`() {
        #expect(table.stored("blocks.12.norm2.weight") == "layers.12.norm3.weight")
        #expect(table.stored("blocks.12.attn.out.0.bias") == "layers.12.attn.o.bias")
        #expect(table.stored("blocks.x.norm2.weight") == nil && table.stored("blocks.1.norm22.weight") == nil)
        #expect(table.names(of: "layers.3.attn.qk.weight") == ["blocks.3.attn.q.weight", "blocks.3.attn.k.weight"])
        #expect(table.names(of: "layers.3.norm2.weight").isEmpty)
        #expect(KeyTable.own.stored("any.name") == "any.name" && KeyTable.own.names(of: "any") == ["any"])
    }

    @Test(arguments: ["", "model."])
    func `tensors are read under the model's names, parts and shapes`(_ prefix: String) throws {
        let weights = try checkpoint(
            [("layers.0.attn.qk.weight", [4, 3]), ("layers.0.modulation", [2, 3]), ("layers.0.norm3.weight", [3])],
            prefix: prefix)
        let block = weights.root["blocks"][0]
        #expect(weights.shape(of: "blocks.0.attn.k.weight") == [2, 3])
        #expect(try block["attn"]["k"].tensor("weight", [2, 3]).shape == [2, 3])
        #expect(try block.tensor("scale", [1, 2, 3]).shape == [1, 2, 3])
        let missing = failure { () throws(WeightError) in _ = try block["attn"]["out.0"].tensor("weight", [3, 3]) }
        #expect(missing == .missing(key: "\(prefix)layers.0.attn.o.weight", file: "w"))
        let wrong = failure { () throws(WeightError) in _ = try block["norm2"].tensor("weight", [1, 3]) }
        #expect(wrong == .shape(key: "\(prefix)layers.0.norm3.weight", file: "w", expected: [1, 3], found: [3]))
        _ = try block["norm2"].tensor("weight", [3])
        try weights.assertAllUsed()
    }

    @Test func `what is left over is named, and the model that it is of`() throws {
        let norm = ("layers.0.norm3.weight", [3])
        for (key, isRefused) in [("layers.0.rest", false), ("layers.0.more", true)] {
            let weights = try checkpoint([norm, (key, [1])])
            _ = try weights.root["blocks"][0]["norm2"].tensor("weight", [3])
            let error = failure { () throws(WeightError) in try weights.assertAllUsed() }
            #expect((error == .unused(keys: [key], count: 1, file: "w")) == isRefused)
        }
        let weights = try checkpoint([norm, ("vace_layers.0", [1])])
        _ = try weights.root["blocks"][0]["norm2"].tensor("weight", [3])
        let error = failure { () throws(WeightError) in try weights.assertAllUsed() }
        #expect(error == .otherModel(key: "vace_layers.0", file: "w", meaning: "VACE"))
    }
}

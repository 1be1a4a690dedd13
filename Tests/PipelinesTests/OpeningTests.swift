import Compute
import ComputeCPU
import FoundationEssentials
import Models
import Pipelines
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

/// What of a large file is read before a clip begins.
@Suite(.bounded) struct OpeningTests {
    @Test func `a GGUF of 14 billion is opened by its table, and a block by its bytes`() throws {
        let folder = try TemporaryFolder()
        let name = "wan2.1-t2v-14b"
        let sparse = try SparseModel(path: Fixture.path("real-shapes.json"))
        try sparse.write(name, to: folder.path)
        try FileManager.default.copyItem(
            atPath: Fixture.path("wan21-t2v/model/tokenizer"), toPath: folder.file("tokenizer"))
        let file = folder.file("\(name)-Q4_K.gguf")
        let component = try #require(sparse.models[name]?.components["transformer"])
        try sparse.writeGGUF(component, architecture: "wan", to: file) { KeyTable.wanTransformer.stored($0) ?? $0 }
        PageCache.drop(file)
        let found = try ModelFiles(ModelPlaces(model: folder.path, parts: [.transformer: file])).folder()
        _ = try Families.open(found)
        let opened = PageCache.bytes(of: file)
        #expect(opened < 32 << 20, "\(opened)")

        let checkpoint = try Checkpoint(found, "transformer")
        let backend = try CPUBackend(threads: 2)
        var bytes = 0
        for tensor in try #require(sparse.components[component]).shapes where tensor.name.hasPrefix("blocks.0.") {
            let stored = try checkpoint.root.tensor(tensor.name, tensor.shape)
            bytes += stored.bytes.count
            guard tensor.shape.count == 2 else {
                _ = try backend.vector(stored)
                continue
            }
            #expect(stored.format == .quantised(.q4K))
            let out = try backend.allocate([1, tensor.shape[0]], .f32)
            try backend.linear(
                backend.upload([Float](repeating: 1, count: tensor.shape[1]), [1, tensor.shape[1]]),
                backend.linearWeight(stored, for: .f32), bias: nil, .none, into: out)
            #expect(try backend.download(out).allSatisfy { $0 == 0 })
        }
        let read = PageCache.bytes(of: file) - opened
        // The system reads ahead.
        #expect(bytes > 150 << 20 && read < 3 * bytes, "\(read) of \(bytes)")
    }
}

import Compute
import TestTools
import Testing
import VideoTypes
import Weights

/// Matrices of 8 bits among the files of a part.
@Suite(.bounded) struct ScaledFileTests {
    /// One tensor: its dtype, its shape, its bytes.
    private typealias Tensor = (name: String, dtype: String, shape: [Int], bytes: [UInt8])

    private func file(_ tensors: [Tensor], header metadata: String = "") -> HostBytes {
        var (fields, data) = ([String](), [UInt8]())
        for tensor in tensors {
            let end = data.count + tensor.bytes.count
            fields.append(FileBuilder.entry(tensor.name, tensor.dtype, tensor.shape, data.count, end))
            data += tensor.bytes
        }
        if !metadata.isEmpty { fields.append(#""__metadata__":{\#(metadata)}"#) }
        return HostBytes(FileBuilder.file(header: "{\(fields.joined(separator: ","))}", data: data))
    }

    private func floats(_ values: [Float]) -> [UInt8] { values.flatMap { GGUFBuilder.bytes($0.bitPattern) } }

    private func matrix(_ name: String = "x.weight", _ dtype: String = "I8") -> Tensor {
        (name, dtype, [2, 3], [1, 2, 3, 4, 5, 6])
    }

    private func source(_ tensors: [Tensor], header: String = "") throws(WeightError) -> WeightSource {
        try WeightSource(TensorFiles.open(file(tensors, header: header), file: "w"))
    }

    private func problem(_ tensors: [Tensor], header: String = "") -> ScaleProblem? {
        let error = failure { () throws(WeightError) in
            _ = try source(tensors, header: header).files[0].tensor("x.weight")
        }
        guard case .badScale(_, "w", let problem)? = error else { return nil }
        #expect(error?.message.hasPrefix("w: ") == true && error?.hint.text.isEmpty == false)
        return problem
    }

    @Test func `a matrix comes with its scales, which are no tensors of the model`() throws {
        let source = try source([
            matrix(), ("x.weight_scale", "F32", [2, 1], floats([0.5, 2])), ("x.input_scale", "F32", [], floats([1])),
            ("x.bias", "F32", [1], floats([3])),
        ])
        let checkpoint = Checkpoint(source)
        #expect(Set(checkpoint.keys) == ["x.weight", "x.bias"])
        let tensor = try checkpoint.root.tensor("x.weight", [2, 3])
        #expect(tensor.format == .quantised(.int8) && tensor.bytes.copied == [1, 2, 3, 4, 5, 6])
        #expect(tensor.scales?.extent == .row && tensor.scales?.values.floats == [0.5, 2])
        #expect(try checkpoint.root.tensor("x.bias", [1]).format == .dense(.f32))
        try checkpoint.assertAllUsed()
        #expect(
            source.files[0].companions.mapValues(\.use) == [
                "x.weight_scale": .with("x.weight"), "x.input_scale": .none("for products in fp8 alone"),
            ])
        #expect(checkpoint.sizes == [.quantised(.int8): [6: 1], .dense(.f32): [4: 1]])
    }

    @Test func `a scale may lie in another shard`() throws {
        let map = #""x.weight":"a.safetensors","x.weight_scale":"b.safetensors""#
        let folder = ModelFolder(
            files: [
                "t/model.safetensors.index.json": HostBytes(Array(#"{"weight_map":{\#(map)}}"#.utf8)),
                "t/a.safetensors": file([matrix()]),
                "t/b.safetensors": file([("x.weight_scale", "F32", [], floats([0.25]))]),
            ], name: "m")
        let tensor = try Checkpoint(folder, "t").root.tensor("x.weight", [2, 3])
        #expect(tensor.scales?.extent == .matrix && tensor.scales?.values.floats == [0.25])
    }

    @Test func `what would run and be wrong is refused`() {
        let scale: Tensor = ("x.weight_scale", "F32", [], floats([1]))
        #expect(problem([matrix(), scale]) == nil)
        #expect(problem([matrix()]) == .missing)
        #expect(problem([matrix(), scale, ("x.scale_weight", "F32", [], floats([1]))]) == .twice("x.scale_weight"))
        let tiles: Tensor = ("x.scale", "F32", [1, 1], floats([1]))
        #expect(problem([matrix("x.int8_weight"), tiles, matrix("x.weight", "F8_E4M3")]) == .twice("x.weight"))
        // A scale that nothing would multiply by.
        let dense: Tensor = ("x.weight", "F32", [1, 1], floats([1]))
        #expect(problem([dense, scale, matrix("y.weight", "F8_E4M3")]) == .ofOther("F32"))
        let rotated = Array(#"{"format":"int8_tensorwise","convrot":true}"#.utf8)
        #expect(problem([matrix(), scale, ("x.comfy_quant", "U8", [rotated.count], rotated)]) == .rotated)
        // Formats without a tensor of one byte a number.
        let packed = Array(#"{"format":"nvfp4"}"#.utf8)
        #expect(problem([matrix("x.weight", "U8"), ("x.comfy_quant", "U8", [18], packed)]) == .format("nvfp4"))
        let header = #""_quantization_metadata":"{\"layers\":{\"x\":{\"format\":\"mxfp8\"}}}""#
        #expect(problem([matrix("x.weight", "U8")], header: header) == .format("mxfp8"))
    }

    @Test func `rows with scales stay rows under another shape`() throws {
        let table = KeyTable(layout: "t", rows: [.init("x", "x", isReshaped: true)])
        let tensors = [matrix(), ("x.weight_scale", "F32", [2, 1], floats([0.5, 2]))]
        let checkpoint = Checkpoint(try source(tensors).named(by: table, below: ""))
        #expect(try checkpoint.root.tensor("x.weight", [2, 3, 1]).scales?.extent == .row)
        #expect(
            failure { () throws(WeightError) in _ = try checkpoint.root.tensor("x.weight", [3, 2]) }
                == .shape(key: "x.weight", file: "w", expected: [3, 2], found: [2, 3]))
        let whole = [matrix(), ("x.weight_scale", "F32", [], floats([0.5]))]
        let other = Checkpoint(try source(whole).named(by: table, below: ""))
        #expect(try other.root.tensor("x.weight", [3, 2]).shape == [3, 2])
    }

    @Test func `a file is what its first bytes say`() throws {
        // A safetensors header would begin at the ninth byte, here the low one of the number of tensors.
        var builder = GGUFBuilder()
        for index in 0..<Int(UInt8(ascii: "{")) { builder.add("t\(index)", [1], type: 0, bytes: 4) }
        #expect(builder.file[8] == UInt8(ascii: "{"))
        #expect(try TensorFiles.open(HostBytes(builder.file), file: "m.safetensors").format == "GGUF")
        #expect(try TensorFiles.open(file([matrix()]), file: "m.gguf").format == "safetensors")
        builder.magic = Array("GGML".utf8)
        builder.tensors = []
        let error = failure { () throws(WeightError) in
            _ = try TensorFiles.open(HostBytes(builder.file), file: "m.gguf")
        }
        #expect(error == .badGGUF(file: "m.gguf", problem: .magic(found: Array("GGML".utf8))))
    }

    @Test func `damaged scales never trap`() {
        let header =
            "{"
            + [
                FileBuilder.entry("x.weight", "I8", [2, 3], 0, 6),
                FileBuilder.entry("x.weight_scale", "F32", [2, 1], 6, 14),
                FileBuilder.entry("y.weight", "F8_E4M3", [3, 2], 14, 20),
                FileBuilder.entry("y.scale_weight", "F16", [], 20, 22),
                FileBuilder.entry("z.int8_weight", "I8", [1, 4], 22, 26),
                FileBuilder.entry("z.scale", "F32", [1, 1], 26, 30),
            ].joined(separator: ",") + "}"
        let data = (0..<30).map { UInt8($0) }
        var random = SplitMix(state: 7)
        var accepted = 0
        for _ in 0..<4000 {
            var bytes = Array(header.utf8)
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<5, using: &random)
                case 1: bytes[at] = UInt8(ascii: "0") + UInt8.random(in: 0..<10, using: &random)
                case 2: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...9, using: &random)))
                default: bytes.insert(contentsOf: Array("weight".utf8), at: at)
                }
            }
            let file = HostBytes(FileBuilder.file(header: String(decoding: bytes, as: UTF8.self), data: data))
            let error = failure { () throws(WeightError) in
                let source = try WeightSource(TensorFiles.open(file, file: "m"))
                for (key, entry) in source.files[0].entries where entry.format != nil {
                    let tensor = try source.files[0].tensor(key)
                    #expect(tensor.bytes.count == tensor.format.byteCount(tensor.shape))
                    let rows = tensor.shape.dims.first ?? 1
                    _ = tensor.scales?.cut(to: 0..<rows, columns: tensor.matrixColumns)
                }
                accepted += 1
            }
            if let error { #expect(!error.message.isEmpty && !error.hint.text.isEmpty) }
        }
        #expect(accepted > 100 && accepted < 3500, "\(accepted) of 4000 mutants were accepted")
    }
}

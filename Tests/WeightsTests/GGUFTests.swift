import Compute
import TestTools
import Testing
import VideoTypes

@testable import Weights

@Suite(.bounded) struct GGUFTests {
    private func problem(_ change: (inout GGUFBuilder) -> Void) -> GGUFProblem? {
        var builder = GGUFBuilder.sample
        change(&builder)
        let error = failure { () throws(WeightError) in
            _ = try GGUF(HostBytes(builder.file), file: "m.gguf")
        }
        guard case .badGGUF("m.gguf", let problem)? = error else { return nil }
        return problem
    }

    @Test(arguments: [UInt32(2), 3], [32, 64, 1, 4096])
    func `tensors are where and what the file says`(version: UInt32, alignment: Int) throws {
        var builder = GGUFBuilder()
        builder.version = version
        builder.alignment = alignment
        if alignment != 32 { builder.add("general.alignment", UInt32(alignment)) }
        for tensor in GGUFBuilder.sample.tensors where tensor.name != "i32" {
            let sizes = ["f32": 24, "f16": 10, "bf16": 24, "q8": 136, "q4k": 144]
            builder.add(tensor.name, tensor.extents, type: tensor.type, bytes: sizes[tensor.name] ?? 0)
        }
        let file = try GGUF(HostBytes(builder.file), file: "m.gguf")
        #expect(Set(file.entries.keys) == ["f32", "f16", "bf16", "q8", "q4k"])
        let expected: [(key: String, shape: Shape, format: StoredFormat)] = [
            ("f32", [2, 3], .dense(.f32)), ("f16", [5], .dense(.f16)), ("bf16", [1, 3, 1, 2, 2], .dense(.bf16)),
            ("q8", [2, 64], .quantised(.q8_0)), ("q4k", [1, 256], .quantised(.q4K)),
        ]
        for (key, shape, format) in expected {
            let tensor = try file.tensor(key)
            #expect(tensor.shape == shape && tensor.format == format, "\(key): \(tensor.shape) \(tensor.format)")
            #expect(tensor.bytes.copied == (0..<tensor.bytes.count).map { UInt8(truncatingIfNeeded: $0) }, "\(key)")
        }
    }

    @Test func `metadata are read by their types`() throws {
        let file = try GGUF(HostBytes(GGUFBuilder.sample.file), file: "m.gguf")
        #expect(file.architecture == "wan")
        #expect(file.metadata["general.file_type"]?.integer == 7)
        #expect(file.metadata["a.signed"]?.integer == -4)
        guard case .bool(true)? = file.metadata["a.bool"], case .float(0.5)? = file.metadata["a.double"],
            case .array(let tokens)? = file.metadata["tokenizer.ggml.tokens"],
            case .array(let scores)? = file.metadata["tokenizer.ggml.scores"],
            case .array(let kinds)? = file.metadata["tokenizer.ggml.token_type"]
        else {
            Issue.record("\(file.metadata)")
            return
        }
        var texts: [String] = []
        let areTexts = tokens.forEachText { texts.append(String(decoding: $0.copied, as: UTF8.self)) }
        #expect(areTexts && texts == ["<pad>", "", "▁é"])
        #expect(scores.floats == [0, -1.5, -2] && kinds.integers == [3, 5, 1])
        let areNumbersTexts = scores.forEachText { _ in }
        #expect(tokens.floats == nil && scores.integers == nil && kinds.bytes == nil && !areNumbersTexts)
    }

    @Test func `a type that is only measured is refused where it is asked for`() throws {
        let file = try GGUF(HostBytes(GGUFBuilder.sample.file), file: "m.gguf")
        #expect(
            failure { () throws(WeightError) in _ = try file.tensor("i32") }
                == .dtype(key: "i32", file: "m.gguf", found: "I32"))
        #expect(
            failure { () throws(WeightError) in _ = try file.tensor("x") } == .missing(key: "x", file: "m.gguf"))
    }

    @Test func `a file that says what cannot be is refused by the thing that is wrong`() {
        #expect(problem { $0.magic = Array("GGML".utf8) } == .magic(found: Array("GGML".utf8)))
        #expect(problem { $0.version = 1 } == .version(1))
        #expect(problem { $0.version = 3 << 24 }?.message.contains("big-endian") == true)
        let tensors = "number of tensors"
        #expect(
            problem { $0.counts = (1 << 60, 3) } == .tooMany(tensors, 1 << 60, limit: GGUF.tensorLimit))
        #expect(
            problem { $0.counts = (6, 1 << 60) } == .tooMany("number of metadata keys", 1 << 60, limit: GGUF.keyLimit))
        if case .tooLong(tensors, 100_000, _)? = problem({ $0.counts = (100_000, 0) }) {} else { Issue.record("count") }
        #expect(problem { $0.add("general.file_type", 8) } == .duplicateKey("general.file_type"))
        #expect(problem { $0.add("general.alignment", 24) } == .alignment(found: "24"))
        #expect(problem { $0.add("general.alignment", 0) } == .alignment(found: "0"))
        #expect(problem { $0.add("general.alignment", "8") } == .alignment(found: "no whole number"))
        #expect(problem { $0.metadata.append(("k", 13, [0])) } == .valueType(key: "k", type: 13))
        let nested = GGUFBuilder.bytes(UInt32(9)) + [UInt8](repeating: 1, count: 8)
        #expect(problem { $0.metadata.append(("k", 9, nested)) } == .valueType(key: "k", type: 9))
        let long = GGUFBuilder.bytes(UInt32(6)) + GGUFBuilder.bytes(UInt64(1 << 20))
        if case .tooLong("the array 'k'", 1 << 20, _)? = problem({ $0.metadata.append(("k", 9, long)) }) {
        } else {
            Issue.record("array")
        }
    }

    @Test func `a tensor that cannot be is refused by its name`() {
        func changed(_ change: (inout GGUFBuilder.Tensor) -> Void) -> GGUFProblem? {
            problem { change(&$0.tensors[3]) }
        }
        #expect(changed { $0.type = 99 } == .tensorType(tensor: "q8", number: 99, name: nil))
        #expect(changed { $0.type = 4 } == .tensorType(tensor: "q8", number: 4, name: "Q4_2"))
        #expect(changed { $0.type = 16 } == .tensorType(tensor: "q8", number: 16, name: "IQ2_XXS"))
        #expect(changed { $0.extents[0] = 59 } == .rows(tensor: "q8", type: "Q8_0", extent: 59, block: 32))
        #expect(changed { $0.extents = [1 << 40, 1 << 40] } == .extents(tensor: "q8", [1 << 40, 1 << 40]))
        #expect(changed { $0.extents = [.max] } == .extents(tensor: "q8", [.max]))
        #expect(changed { $0.extents = [0, 8] } == .extents(tensor: "q8", [0, 8]))
        #expect(changed { $0.extents = .init(repeating: 1, count: 9) } == .rank(tensor: "q8", 9, limit: 8))
        #expect(changed { $0.extents = [] } == .rank(tensor: "q8", 0, limit: 8))
        #expect(changed { $0.name = "f16" } == .duplicateTensor("f16"))
        #expect(changed { $0.offset += 4 } == .unaligned(tensor: "q8", offset: 100, alignment: 32))
        #expect(changed { $0.offset = 0 } == .overlap(tensor: "q8", other: "f32"))
        for offset in [UInt64(1 << 40), UInt64.max - 31] {
            if case .beyond("q8", offset, 136, _)? = changed({ $0.offset = offset }) {
            } else {
                Issue.record("\(offset)")
            }
        }
    }

    @Test func `every cut of a file is refused`() {
        let whole = GGUFBuilder.sample.file
        // The last tensor is followed by padding only.
        for count in 0..<whole.count - 24 {
            let error = failure { () throws(WeightError) in
                _ = try GGUF(HostBytes(Array(whole.prefix(count))), file: "m.gguf")
            }
            guard case .badGGUF? = error else {
                Issue.record("\(count) bytes of \(whole.count): \(String(describing: error))")
                return
            }
        }
    }
}

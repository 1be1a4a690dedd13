import Compute
import StrictJSON
import TestTools
import Testing
import Weights

@Suite(.bounded) struct SafetensorsTests {
    private func open(_ bytes: [UInt8]) throws(WeightError) -> Safetensors {
        try Safetensors(HostBytes(bytes), file: "w.safetensors")
    }

    private func problem(_ header: String, data: Int = 8) -> HeaderProblem? {
        let bytes = FileBuilder.file(header: header, data: Array(repeating: 0, count: data))
        guard case .badHeader("w.safetensors", let problem) = failure({ () throws(WeightError) in _ = try open(bytes) })
        else { return nil }
        return problem
    }

    @Test func `a file's tensors come out with their shapes and values`() throws {
        let file = try open(FileBuilder.file([("a", [2, 3]), ("b.weight", [1]), ("scalar", [])]))
        #expect(Set(file.entries.keys) == ["a", "b.weight", "scalar"])
        let tensor = try file.tensor("a")
        #expect(tensor.shape == [2, 3] && tensor.dtype == .f32)
        #expect(FileBuilder.floats(tensor) == [0, 0, 0, 0, 0, 0])
        #expect(FileBuilder.floats(try file.tensor("scalar")) == [2])
        #expect(try file.tensor("scalar").shape == [])
    }

    @Test func `metadata, padding, field order and odd names are allowed`() throws {
        let header =
            #" {"__metadata__":{"format":"pt"},"ä \"\\ \u00e9\ud83d\ude00\n":"#
            + #"{"data_offsets":[0,4],"shape":[2],"dtype":"BF16"},"#
            + #""":{"dtype":"F16","shape":[0,5],"data_offsets":[4,4],"extra":[1,{}]}}   "#
        let file = try open(FileBuilder.file(header: header, data: [0, 0, 0x80, 0x3F]))
        #expect(try file.tensor("ä \"\\ é😀\n").dtype == .bf16)
        #expect(try file.tensor("").shape == [0, 5])
    }

    @Test func `a tensor at an odd address is copied to an aligned one`() throws {
        let header = "{\(FileBuilder.entry("x", "F32", [2], 0, 8))}"
        for padding in 0..<8 {
            let text = header + String(repeating: " ", count: padding)
            let data: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]
            let tensor = try open(FileBuilder.file(header: text, data: data)).tensor("x")
            #expect(tensor.bytes.isAligned(to: 4))
            #expect(FileBuilder.floats(tensor) == [1, 2])
        }
    }

    @Test func `a truncated file says how many bytes it needs`() {
        let whole = FileBuilder.file([("a", [4]), ("b", [2])])
        for count in 0..<whole.count {
            let error = failure { () throws(WeightError) in _ = try open(Array(whole.prefix(count))) }
            guard case .truncated(_, let expected, let found) = error else {
                Issue.record("\(count) bytes: \(String(describing: error))")
                continue
            }
            #expect(found == count && expected > count)
        }
        let longer = failure { () throws(WeightError) in _ = try open(whole + [0]) }
        #expect(longer == .trailing(file: "w.safetensors", expected: whole.count, found: whole.count + 1))
    }

    @Test func `an oversized header is refused before it is read`() {
        for length: UInt64 in [100_000_001, 1 << 40, .max, 1 << 63] {
            let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + [UInt8(ascii: "{")]
            let error = failure { () throws(WeightError) in _ = try open(bytes) }
            #expect(error == .headerTooLarge(file: "w.safetensors", bytes: length, limit: 100_000_000))
        }
    }

    @Test func `overlaps, gaps and reversed ranges are named`() {
        let entry = FileBuilder.entry
        #expect(
            problem("{\(entry("a", "F32", [1], 0, 4)),\(entry("b", "F32", [1], 2, 6))}")
                == .overlap(key: "b", other: "a"))
        #expect(
            problem("{\(entry("a", "F32", [2], 0, 8)),\(entry("b", "F32", [2], 0, 8))}")
                == .overlap(key: "b", other: "a"))
        #expect(problem("{\(entry("a", "F32", [1], 4, 8))}") == .gap(key: "a", expected: 0, found: 4))
        #expect(problem("{\(entry("a", "F32", [1], 8, 4))}") == .reversedRange(key: "a", begin: 8, end: 4))
    }

    @Test func `a key that appears twice is refused`() {
        let entry = FileBuilder.entry
        #expect(
            problem("{\(entry("a", "F32", [1], 0, 4)),\(entry("a", "F32", [1], 4, 8))}") == .duplicateKey("a"))
    }

    @Test func `a shape that does not fill its bytes is refused`() {
        let entry = FileBuilder.entry
        #expect(
            problem("{\(entry("a", "F32", [3], 0, 8))}")
                == .sizeMismatch(key: "a", dtype: "F32", shape: [3], begin: 0, end: 8))
        let huge = Int.max / 2
        #expect(
            problem("{\(entry("a", "F32", [huge, huge], 0, 8))}") == .shapeOverflows(key: "a", shape: [huge, huge]))
        #expect(
            problem("{\(entry("a", "F32", [0, huge, huge], 0, 0))}")
                == .shapeOverflows(key: "a", shape: [0, huge, huge]))
        #expect(
            problem("{\(entry("a", "F32", [1, 1, 1, 1, 1, 1, 1, 1, 2], 0, 8))}")
                == .tooManyDimensions(key: "a", rank: 9, limit: 8))
        #expect(
            problem("{\(entry("a", "U8", [Int.max], 0, .max))}")
                == .sizeMismatch(key: "a", dtype: "U8", shape: [.max], begin: 0, end: .max))
    }

    @Test func `unknown and missing fields are refused`() {
        #expect(
            problem(#"{"a":{"dtype":"F7","shape":[1],"data_offsets":[0,8]}}"#) == .unknownDType(key: "a", name: "F7"))
        #expect(problem(#"{"a":{"shape":[1],"data_offsets":[0,8]}}"#) == .missingField(key: "a", field: "dtype"))
        #expect(problem(#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#) == .missingField(key: "a", field: "shape"))
        #expect(
            problem(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}}"#)
                == .missingField(key: "a", field: "data_offsets"))
    }

    @Test func `an element type that the engine lacks is an error where the tensor is read`() throws {
        let file = try open(
            FileBuilder.file(
                header: "{\(FileBuilder.entry("ids", "I64", [1], 0, 8))}", data: Array(repeating: 0, count: 8)))
        let error = failure { () throws(WeightError) in _ = try file.tensor("ids") }
        #expect(error == .dtype(key: "ids", file: "w.safetensors", found: "I64"))
        #expect(
            error?.message == "w.safetensors: tensor 'ids' is stored as I64; "
                + "F32, F16, BF16, F8_E4M3 and F8_E5M2 are understood, and I8 with its scales")
    }

    @Test(arguments: [
        "", "[]", "{", "{}x", #"{"a"}"#, #"{"a":1}"#, #"{"a":{"shape":[-1]}}"#, #"{"a":{"shape":[1.5]}}"#,
        #"{"a":{"shape":[01]}}"#, #"{"a":{"shape":[1e3]}}"#, #"{"a":{"shape":[99999999999999999999]}}"#,
        #"{"a":{"shape":[1,]}}"#, #"{"a":{"data_offsets":[0,1,2]}}"#, #"{"\ud800":{}}"#, #"{"a":{"dtype":nul}}"#,
        "{\"a\u{1}\":{}}", #"{"__metadata__":{"a":1,"a":2}}"#, "\u{FEFF}{}", #"{"a":{"x":tru}}"#, #"{"a":{"x":-}}"#,
    ])
    func `a header that is not the JSON we need is refused`(header: String) {
        let error = failure { () throws(WeightError) in _ = try open(FileBuilder.file(header: header, data: [])) }
        switch error {
        case .badJSON, .badHeader: break
        default: Issue.record("\(header): \(String(describing: error))")
        }
    }

    @Test func `deep nesting is refused without recursion to the end`() {
        let header = #"{"__metadata__":"# + String(repeating: "[", count: 100_000)
        let error = failure { () throws(WeightError) in _ = try open(FileBuilder.file(header: header, data: [])) }
        guard case .badJSON(_, _, .nestedTooDeeply) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

import Compute
import FoundationEssentials
import Glibc
import StrictJSON
import TestTools
import Testing
import Weights

@Suite(.bounded) struct ModelFolderTests {
    private struct Config: Decodable {
        struct Inner: Decodable { let size: Int }
        let count: Int
        let scale: Double?
        let inner: [Inner]
    }

    private func decode(_ text: String) -> WeightError? {
        failure { () throws(WeightError) in
            let folder = ModelFolder(files: ["t/config.json": HostBytes(Array(text.utf8))], name: "m")
            _ = try folder.config("t/config.json", as: Config.self)
        }
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let path = "/tmp/wan-infer-test-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test func `a config without a field names field and file`() {
        #expect(decode(#"{"inner":[]}"#)?.message == "m/t/config.json: field 'count' is missing")
        #expect(decode(#"{"count":1,"inner":[{"size":1},{}]}"#)?.message.contains("inner[1].size") == true)
    }

    @Test func `a config with a field of the wrong kind or size names it`() {
        for text in [
            #"{"count":"x","inner":[]}"#, #"{"count":1.5,"inner":[]}"#, #"{"count":1e30,"inner":[]}"#,
            #"{"count":null,"inner":[]}"#, #"{"count":99999999999999999999,"inner":[]}"#,
        ] {
            guard case .config("m/t/config.json", "count", .some, _) = decode(text) else {
                Issue.record("\(text): \(String(describing: decode(text)))")
                continue
            }
        }
        let scale = decode(#"{"count":1,"inner":[],"scale":1e999}"#)
        #expect(scale?.message == "m/t/config.json: field 'scale' must be a number, is 1e999")
        #expect(decode(#"{"count":2.0,"inner":[{"size":1e2}],"scale":3,"more":[]}"#) == nil)
        #expect(decode("[]")?.message == "m/t/config.json: must be an object, is a list of 0")
    }

    @Test func `a config that is no JSON or has a key twice is refused with its place`() {
        #expect(decode("{\"count\":1,") == .badJSON(file: "m/t/config.json", offset: 11, problem: .unexpectedEnd))
        #expect(decode(#"{"a":1,"a":2}"#) == .badJSON(file: "m/t/config.json", offset: 10, problem: .duplicateKey("a")))
        #expect(decode("") == .emptyFile(file: "m/t/config.json"))
    }

    @Test func `files on disk are mapped, and what is no file is named`() throws {
        try withFolder { path in
            try Data([1, 2, 3]).write(to: URL(filePath: path + "/data"))
            try Data().write(to: URL(filePath: path + "/empty"))
            #expect(unsafe mkfifo(path + "/pipe", 0o600) == 0)
            let folder = try ModelFolder(path: path + "/")
            #expect(try folder.bytes("data").copied == [1, 2, 3])
            #expect(folder.exists("data") && !folder.exists("nothing"))
            let cases: [(String, WeightError)] = [
                ("nothing", .fileMissing(file: path + "/nothing")), ("empty", .emptyFile(file: path + "/empty")),
                ("pipe", .notAFile(file: path + "/pipe")), (".", .notAFile(file: path + "/.")),
            ]
            for (name, expected) in cases {
                #expect(failure { () throws(WeightError) in _ = try folder.bytes(name) } == expected)
            }
            let file = failure { () throws(WeightError) in _ = try ModelFolder(path: path + "/data") }
            #expect(file == .notAFolder(path: path + "/data"))
            let absent = failure { () throws(WeightError) in _ = try ModelFolder(path: path + "/absent") }
            #expect(absent == .folderMissing(path: path + "/absent"))
        }
    }

    @Test func `absurd numbers break the rule of their field`() throws {
        let fields = ConfigFields(file: "c")
        for value in [0, -1, Int.min, Int.max, 101] {
            let error = failure { () throws(WeightError) in try fields.positive(value, "n", limit: 100) }
            #expect(error == .config(file: "c", field: "n", value: "\(value)", rule: "from 1 to 100"))
        }
        for value in [Double.nan, .infinity, -.infinity, 1e300, -0.1] {
            #expect(failure { () throws(WeightError) in try fields.real(value, "x", in: 0...1) } != nil)
        }
        #expect(failure { () throws(WeightError) in try fields.multiple(10, "n", of: 4, limit: 100) } != nil)
        #expect(failure { () throws(WeightError) in try fields.exactly(3, [1, 2], "list") } != nil)
        #expect(failure { () throws(WeightError) in try fields.oneOf(["a", "b"], "c", "s") } != nil)
        try fields.positive(100, "n", limit: 100)
        try fields.multiple(12, "n", of: 4, limit: 100)
        try fields.exactly(2, [1, 2], "list")
        try fields.oneOf(["a", "b"], "b", "s")
    }

    @Test func `control characters of a file cannot reach the terminal`() {
        let error = WeightError.missing(key: "a\u{1B}[31m\n" + String(repeating: "x", count: 500), file: "w")
        #expect(error.message.unicodeScalars.allSatisfy { $0.value >= 0x20 })
        #expect(error.message.count < 250)
    }
}

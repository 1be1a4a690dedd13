import FoundationEssentials
import TestSupport
import TestTools
import Testing

@testable import Tokenizers

/// umT5's and T5's own tokenizers: as much of their vocabularies as the cases can reach.
///
/// `Tests/Reference/real_tokenizers.py` says why that suffices; where `WAN_TOKENIZERS` names a folder with the
/// published files, they are read whole.
@Suite(.bounded) struct RealTokenizerTests {
    private struct Case: Decodable {
        let text: String
        let clean: String
        let umt5: [Int32]
        let umt5_raw: [Int32]
        let t5: [Int32]
        let t5_raw: [Int32]
    }

    private struct Cases: Decodable {
        let cases: [Case]
    }

    /// A tokenizer.json whose other pieces no case can reach.
    private struct Sample: Decodable {
        let file: String
        let count: Int
        let lowest: String
        let ids: [Int]
        let rows: [String]

        var whole: String {
            var all = (0..<count).map { "[\"\u{10FFFD}\($0)\",\(lowest)]" }
            for (id, row) in zip(ids, rows) { all[id] = row }
            return file.replacing(#""vocab":[]"#, with: #""vocab":["# + all.joined(separator: ",") + "]")
        }
    }

    private static let folder = ProcessInfo.processInfo.environment["WAN_TOKENIZERS"]

    private func check(umt5: Tokenizer, t5: Tokenizer) throws {
        #expect(umt5.vocabularyCount == 256_300 && t5.vocabularyCount == 32_100)
        let cases = try Fixtures.decoded(Cases.self, "real-cases.json").cases
        #expect(cases.count == 519)
        for item in cases {
            let clean = PromptCleaning.clean(item.text)
            #expect(Array(clean.utf8) == Array(item.clean.utf8), "\(item.text.debugDescription)")
            #expect(umt5.encode(clean) == item.umt5, "\(item.text.debugDescription)")
            #expect(umt5.encode(item.text) == item.umt5_raw, "\(item.text.debugDescription)")
            #expect(t5.encode(clean) == item.t5, "\(item.text.debugDescription)")
            #expect(t5.encode(item.text) == item.t5_raw, "\(item.text.debugDescription)")
        }
    }

    @Test func `umT5 and T5 encode every case as the reference does`() throws {
        try check(
            umt5: Tokenizer(json: Fixtures.decoded(Sample.self, "real-umt5.json").whole),
            t5: Tokenizer(json: Fixtures.decoded(Sample.self, "real-t5.json").whole))
    }

    @Test(.enabled(if: folder != nil, "WAN_TOKENIZERS names no folder with the published files"))
    func `the published files encode every case as the reference does`() throws {
        let folder = try #require(Self.folder)
        try check(
            umt5: Tokenizer(json: Fixtures.bytes("\(folder)/umt5-xxl/tokenizer.json")),
            t5: Tokenizer(json: Fixtures.bytes("\(folder)/t5-v1_1-xxl/tokenizer.json")))
    }
}

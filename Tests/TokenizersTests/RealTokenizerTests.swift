import FoundationEssentials
import TestTools
import Testing

@testable import Tokenizers

/// The published umT5 and T5 tokenizers, too large to be kept here.
///
/// `WAN_TOKENIZERS` names their folder; without it `../shared/data/tokenizers` beside the checkout is tried.
@Suite(.bounded) struct RealTokenizerTests {
    private struct Case: Decodable {
        let text: String
        let clean: String
        let umt5: [Int32]
        let umt5Raw: [Int32]
        let t5: [Int32]

        enum CodingKeys: String, CodingKey {
            case text
            case clean
            case umt5
            case umt5Raw = "umt5_raw"
            case t5
        }
    }

    private static let folder: String? = {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let beside = "/\(root)/../shared/data/tokenizers"
        let folder = ProcessInfo.processInfo.environment["WAN_TOKENIZERS"] ?? beside
        guard FileManager.default.fileExists(atPath: "\(folder)/cases.jsonl") else {
            print("real tokenizers not tested: no cases.jsonl in \(folder); WAN_TOKENIZERS names another folder")
            return nil
        }
        return folder
    }()

    private func cases(_ folder: String) throws -> [Case] {
        let decoder = JSONDecoder()
        return try Data(contentsOf: URL(filePath: "\(folder)/cases.jsonl")).split(separator: UInt8(ascii: "\n"))
            .map { try decoder.decode(Case.self, from: Data($0)) }
    }

    @Test(.enabled(if: folder != nil)) func `umT5 encodes every case as the reference does`() throws {
        let folder = try #require(Self.folder)
        let tokenizer = try Tokenizer(json: try Fixtures.bytes("\(folder)/umt5-xxl/tokenizer.json"))
        #expect(tokenizer.vocabularyCount == 256_300)
        let cases = try cases(folder)
        #expect(cases.count == 519)
        for item in cases {
            let clean = PromptCleaning.clean(item.text)
            #expect(Array(clean.utf8) == Array(item.clean.utf8), "\(item.text.debugDescription)")
            #expect(tokenizer.encode(clean) == item.umt5, "\(item.text.debugDescription)")
            #expect(tokenizer.encode(item.text) == item.umt5Raw, "\(item.text.debugDescription)")
        }
    }

    @Test(.enabled(if: folder != nil)) func `T5 encodes every case as the reference does`() throws {
        let folder = try #require(Self.folder)
        let tokenizer = try Tokenizer(json: try Fixtures.bytes("\(folder)/t5-v1_1-xxl/tokenizer.json"))
        #expect(tokenizer.vocabularyCount == 32_100)
        for item in try cases(folder) {
            #expect(tokenizer.encode(item.text) == item.t5, "\(item.text.debugDescription)")
        }
    }
}

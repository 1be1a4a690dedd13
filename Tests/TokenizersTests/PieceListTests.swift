import TestSupport
import TestTools
import Testing

@testable import Tokenizers

@Suite(.bounded) struct PieceListTests {
    /// The pieces of the SentencePiece model, as a converter would list them, and its character map.
    private func list() throws -> PieceList {
        var list = PieceList()
        let bytes = try Fixtures.bytes(Fixture.path("sentencepiece.model"))
        var reader = ProtobufReader(bytes, 0..<bytes.count)
        while let (field, value) = try reader.next() {
            guard case .bytes(let range) = value else { continue }
            var message = ProtobufReader(bytes, range)
            var (text, score, kind) = ([UInt8](), Float(0), Int32(1))
            while let (inner, value) = try message.next() {
                switch (field, inner, value) {
                case (1, 1, .bytes(let range)): text = Array(bytes[range])
                case (1, 2, .fixed32(let bits)): score = Float(bitPattern: bits)
                case (1, 3, .varint(let number)): kind = Int32(truncatingIfNeeded: number)
                case (3, 2, .bytes(let range)): list.characterMap = Array(bytes[range])
                default: break
                }
            }
            if field == 1 { try list.append(text, score: score, kind: kind) }
        }
        for number in (0..<100).reversed() {
            try list.append(Array("<extra_id_\(number)>".utf8), score: 0, kind: 4)
        }
        list.end = 1
        return list
    }

    @Test func `listed pieces encode as the model file that they come from`() throws {
        let fixture = try Fixtures.decoded(Fixtures.SentencePiece.self, "sentencepiece.json")
        let whole = try Fixtures.sentencePiece()
        var list = try list()
        // As many rows as the embedding has.
        let count = list.count
        for number in count..<count + 50 { try list.append(Array("[PAD\(number)]".utf8), score: -10000, kind: 5) }
        let tokenizer = try Tokenizer(list)
        #expect(fixture.texts.count > 20 && !list.characterMap.isEmpty)
        for text in fixture.texts + ["a <extra_id_3> b", "[PAD\(count)]", "</s>", "  two  spaces "] {
            #expect(tokenizer.encode(text) == whole.encode(text), "\(text.debugDescription)")
        }
        list.end = nil
        #expect(try Tokenizer(list).encode("a") + [1] == tokenizer.encode("a"))
    }

    @Test func `what cannot be a piece is refused by its number`() throws {
        var list = PieceList()
        #expect(throws: TokenizerError.badValue(field: "piece 0", reason: "has the unknown type 7")) {
            try list.append([65], score: 0, kind: 7)
        }
        #expect(throws: TokenizerError.badValue(field: "piece 0", reason: "is not UTF-8")) {
            try list.append([0xff], score: 0, kind: 1)
        }
        #expect(throws: TokenizerError.badValue(field: "piece 0", reason: "has a score that is not finite")) {
            try list.append([65], score: .nan, kind: 1)
        }
        #expect(throws: TokenizerError.self) { try Tokenizer(list) }
        try list.append([65], score: 0, kind: 1)
        list.unknown = 1
        #expect(throws: TokenizerError.self) { try Tokenizer(list) }
        list.unknown = 0
        list.end = 1
        #expect(throws: TokenizerError.self) { try Tokenizer(list) }
    }
}

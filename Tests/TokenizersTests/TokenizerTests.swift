import TestTools
import Testing

@testable import Tokenizers

@Suite(.bounded) struct TokenizerTests {
    @Test func `each component encodes as the tokenizers library does`() throws {
        let fixture = try Fixtures.decoded(Fixtures.Components.self, "components.json")
        #expect(fixture.tokenizers.count >= 35)
        for component in fixture.tokenizers {
            let tokenizer = try Tokenizer(json: component.file)
            for (text, ids) in zip(fixture.texts, component.ids) {
                #expect(tokenizer.encode(text) == ids, "\(component.name): \(text.debugDescription)")
            }
        }
    }

    @Test func `a SentencePiece model encodes as transformers converts it`() throws {
        let fixture = try Fixtures.decoded(Fixtures.SentencePiece.self, "sentencepiece.json")
        let tokenizer = try Fixtures.sentencePiece(configuration: fixture.configuration)
        for (text, ids) in zip(fixture.texts, fixture.ids) {
            #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
        }
        #expect(tokenizer.encode("<extra_id_6>").count == 2)
        #expect(tokenizer.encode("<extra_id_7>").count > 2)
        let plain = try Fixtures.sentencePiece()
        #expect(plain.vocabularyCount == tokenizer.vocabularyCount + 93, "a hundred extra ids unless configured")
    }

    @Test func `a long prompt is cut and keeps its closing id`() throws {
        let tokenizer = try Fixtures.sentencePiece()
        let whole = tokenizer.encode("a red circle moves from left to right")
        #expect(whole.last == 1)
        #expect(tokenizer.encode("a red circle moves from left to right", maximumLength: 4) == whole.prefix(3) + [1])
        #expect(tokenizer.encode("a red circle moves from left to right", maximumLength: whole.count) == whole)
        #expect(tokenizer.encode("a red circle", maximumLength: 1) == [1])
        #expect(tokenizer.encode("a red circle", maximumLength: 0) == [1])
        #expect(tokenizer.encode("", maximumLength: 9) == [1])
        #expect(tokenizer.padID == 0)
    }

    @Test func `a hundred kilobytes without a space are encoded in one piece`() throws {
        let fixture = try Fixtures.decoded(Fixtures.Components.self, "components.json")
        for name in ["bare model", "T5 as converters wrote it", "byte fallback", "added tokens, all flags"] {
            let component = try #require(fixture.tokenizers.first { $0.name == name })
            let tokenizer = try Tokenizer(json: component.file)
            #expect(tokenizer.encode(String(repeating: "circle", count: 20_000)).count >= 20_000)
            #expect(tokenizer.encode(String(repeating: "龘\u{301}", count: 20_000)).last == 1)
            #expect(tokenizer.encode(String(repeating: " ~MASK", count: 10_000)).count >= 10_000)
        }
    }

    @Test func `strings that are only canonically equal stay different tokens`() throws {
        let tokenizer = try Tokenizer(
            json: """
                {"added_tokens":[\(Samples.addedToken("\u{E9}")),\(Samples.addedToken("e\u{301}"))],\
                "model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["e",-1.0]]}}
                """)
        #expect(tokenizer.encode("\u{E9}") == [2])
        #expect(tokenizer.encode("e\u{301}") == [3])
    }

    @Test func `added tokens get ids by their order, not by what the file says`() throws {
        let tokenizer = try Tokenizer(
            json: """
                {"added_tokens":[\(Samples.addedToken("X", id: 90)),\(Samples.addedToken("Y", id: 80)),\
                \(Samples.addedToken("e", id: 7))],"model":{"unk_id":0,"vocab":[["<unk>",0],["e",-1]]}}
                """)
        #expect(tokenizer.encode("eXY") == [1, 2, 3])
        #expect(tokenizer.vocabularyCount == 4)
    }

    @Test func `joined unknown text is looked up once more`() throws {
        let tokenizer = try Tokenizer(
            json: #"{"model":{"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["a",-1.0],["xy",-100.0]]}}"#)
        #expect(tokenizer.encode("xy") == [2])
        #expect(tokenizer.encode("axya") == [1, 2, 1])
        #expect(tokenizer.encode("xyx") == [2, 0])
    }
}

import TestTools
import Testing

@testable import Tokenizers

@Suite(.bounded) struct TokenizerErrorTests {
    private func message(_ json: String) -> String {
        do {
            _ = try Tokenizer(json: json)
            return "accepted"
        } catch {
            return error.description
        }
    }

    @Test func `what is not supported is named`() {
        let cases = [
            (#""normalizer":{"type":"ByteLevel"}"#, "normalizer ByteLevel"),
            (#""normalizer":{"type":"Sequence","normalizers":[{"type":"Bert"}]}"#, "normalizer Bert"),
            (#""pre_tokenizer":{"type":"Split"}"#, "pre_tokenizer Split"),
            (#""pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits"}]}"#, "pre_tokenizer Digits"),
            (#""post_processor":{"type":"RobertaProcessing"}"#, "post_processor RobertaProcessing"),
            (
                #""normalizer":{"type":"Replace","pattern":{"Regex":"(a|b)"},"content":""}"#,
                "Replace with the pattern `(a|b)`"
            ),
            (
                #""normalizer":{"type":"Replace","pattern":{"Regex":"a+?"},"content":""}"#,
                "Replace with the pattern `a+?`"
            ),
            (
                #""normalizer":{"type":"Replace","pattern":{"Regex":" {1001,}"},"content":""}"#,
                "Replace with the pattern ` {1001,}`"
            ),
            (#""version":"2.0""#, "version 2.0 of tokenizer.json"),
        ]
        for (field, component) in cases {
            #expect(message(Samples.file(field)) == "tokenizer component not supported: \(component)")
        }
        for model in [#"{"type":"BPE","vocab":{"a":0},"merges":[]}"#, #"{"type":"WordPiece","vocab":{}}"#] {
            #expect(message(Samples.file(model: model)).hasPrefix("tokenizer component not supported: model "))
        }
    }

    @Test func `a wrong field is named with what it must be`() {
        let cases = [
            (
                #""normalizer":{"type":"Strip","strip_left":1,"strip_right":true}"#,
                "normalizer.strip_left must be true or"
            ),
            (
                #""normalizer":{"type":"Precompiled","precompiled_charsmap":"AA="}"#,
                "normalizer.precompiled_charsmap is not"
            ),
            (
                #""normalizer":{"type":"Precompiled","precompiled_charsmap":"/////w=="}"#,
                "precompiled_charsmap announces 42949"
            ),
            (#""normalizer":{}"#, "normalizer.type is missing"),
            (#""normalizer":7"#, "normalizer must be an object, not a number"),
            (#""added_tokens":[{"id":1,"content":"x"}]"#, "added_tokens[0].special is missing"),
            (
                #""pre_tokenizer":{"type":"Metaspace","replacement":"ab"}"#,
                "pre_tokenizer.replacement must be one"
            ),
            (
                #""pre_tokenizer":{"type":"Metaspace","replacement":"_","add_prefix_space":false}"#,
                "pre_tokenizer.add_prefix_space is false"
            ),
            (
                """
                "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}],"special_tokens":{}}
                """, "post_processor.special_tokens.x is missing"
            ),
        ]
        for (field, text) in cases {
            #expect(message(Samples.file(field)).hasPrefix(text), "\(message(Samples.file(field)))")
        }
        let models = [
            (#"{"type":"Unigram","unk_id":2,"vocab":[["<unk>",0.0]]}"#, "model.unk_id is 2, but there are 1 pieces"),
            (#"{"type":"Unigram","unk_id":-1,"vocab":[["<unk>",0.0]]}"#, "model.unk_id is -1, but there are 1 pieces"),
            (#"{"type":"Unigram","unk_id":null,"vocab":[["a",0.0]]}"#, "model.unk_id is missing"),
            (#"{"type":"Unigram","unk_id":0}"#, "model.vocab is missing or not an array"),
            (#"{"type":"Unigram","unk_id":0,"vocab":[["a"]]}"#, "not valid JSON at byte 51: expected ','"),
            (#"{"type":"Unigram","unk_id":0,"vocab":[["a",1,2]]}"#, "not valid JSON at byte 53: expected ']'"),
            (#"{"type":"Unigram","unk_id":0,"vocab":[["a",1e400]]}"#, "not valid JSON at byte 57: the number is out"),
        ]
        for (model, text) in models {
            #expect(message(Samples.file(model: model)).hasPrefix(text), "\(message(Samples.file(model: model)))")
        }
        #expect(message("{}") == "model is missing or not an object")
    }

    @Test func `broken JSON is refused with the place and the reason`() {
        let cases = [
            ("", "0: the text ends too early"), ("[]", "0: expected '{'"), (Samples.file("\"a\":01"), "expected ','"),
            (Samples.file("\"a\":1") + "x", "text behind the end"),
            ("{\"a\":1,\"a\":2}", "10: the key 'a' appears twice"),
            (Samples.file("\"a\":" + String(repeating: "[", count: 100_000)), "nested deeper than 64"),
        ]
        for (text, reason) in cases {
            #expect(message(text).hasPrefix("not valid JSON at byte"), "\(text.prefix(40))")
            #expect(message(text).contains(reason), "\(text.prefix(40)): \(message(text))")
        }
        #expect(throws: TokenizerError.badJSON(offset: 2, reason: "not valid UTF-8")) {
            try Tokenizer(json: [0x7B, 0x22, 0xFF, 0x22, 0x7D])
        }
    }

    @Test func `a broken SentencePiece model is refused`() throws {
        let cases: [([UInt8], String)] = [
            ([], "there are no pieces"), ([0x0A, 0x7F], "a field of 127 bytes where 0 are left"),
            (
                [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
                "a field of 18446744073709551615 bytes"
            ),
            ([0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], "a number of more than 64 bits"),
            ([0x0B], "wire type 3"), ([0x02, 0x00], "field number 0"),
            ([0x08, 0x80], "the message ends inside a number"),
            ([0x0A, 0x03, 0x0A, 0x01, 0xFF], "a piece is not UTF-8"),
            ([0x0A, 0x05, 0x15, 0x00, 0x00, 0xC0, 0x7F], "the score of a piece is not finite"),
            ([0x12, 0x02, 0x18, 0x02], "SentencePiece model type BPE"),
            ([0x0A, 0x03, 0x0A, 0x01, 0x61], "there are"),
        ]
        for (bytes, reason) in cases {
            do {
                _ = try Tokenizer(sentencePiece: bytes, configuration: #"{"extra_ids":0}"#)
                Issue.record("accepted \(bytes)")
            } catch {
                #expect(error.description.contains(reason), "\(error)")
            }
        }
        for configuration in [#"{"extra_ids":-1}"#, #"{"extra_ids":100000000}"#, #"{"extra_ids":"many"}"#, "[]", ""] {
            #expect(throws: TokenizerError.self) { try Fixtures.sentencePiece(configuration: configuration) }
        }
    }
}

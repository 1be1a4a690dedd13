import TestTools
import Testing

@testable import StrictJSON

@Suite(.bounded) struct JSONScannerTests {
    private func value(_ text: String) throws -> JSONValue { try JSONValue(Array(text.utf8)) }

    private func error(_ text: String) -> JSONError? {
        do throws(JSONError) {
            _ = try JSONValue(Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    private func object(_ members: [String: JSONValue]) -> JSONValue {
        .object(Dictionary(uniqueKeysWithValues: members.map { (Array($0.key.utf8), $0.value) }))
    }

    @Test func `values of every kind are read`() throws {
        let text = "\t{\"a\" : [1, -2.5e+3 ,true,false,null,\"x\",[],{}],\r\n\"\": {\"b\":0}} \n"
        let list: [JSONValue] = [
            .number("1"), .number("-2.5e+3"), .bool(true), .bool(false), .null, .string("x"), .array([]), object([:]),
        ]
        #expect(try value(text) == object(["a": .array(list), "": object(["b": .number("0")])]))
        for text in ["7", " \"é\" ", "null"] { #expect(error(text) == nil) }
    }

    @Test func `strings are unescaped`() throws {
        #expect(try value(#""\"\\\/\b\f\n\r\t\u0041\u00e9\uFFFF""#) == .string("\"\\/\u{8}\u{C}\n\r\tA\u{E9}\u{FFFF}"))
        #expect(try value(#""a\ud83D\uDe00b\u0000""#) == .string("a\u{1F600}b\u{0}"))
        #expect(try value("\"\u{10FFFF}\u{7F}龘\"") == .string("\u{10FFFF}\u{7F}龘"))
    }

    @Test(
        arguments: [
            ("", 0, .unexpectedEnd), (" ", 1, .unexpectedEnd), ("[", 1, .unexpectedEnd),
            ("{\"a\":1,", 7, .unexpectedEnd),
            ("\"a", 2, .unexpectedEnd), ("\"\\", 2, .unexpectedEnd), ("\"\\u00", 5, .unexpectedEnd),
            ("tru", 3, .unexpectedEnd),
            ("{}x", 2, .trailing), ("1 2", 2, .trailing), ("01", 1, .trailing), ("\u{FEFF}{}", 0, .expected("a value")),
            ("{a:1}", 1, .expected("a key")), ("{\"a\" 1}", 5, .expected("':'")),
            ("{\"a\":1;}", 6, .expected("',' or '}'")),
            ("[1 2]", 3, .expected("',' or ']'")), ("[1}", 2, .expected("',' or ']'")),
            ("[1,]", 3, .expected("a value")),
            ("{\"a\":1,}", 7, .expected("a key")), ("[,1]", 1, .expected("a value")), ("truth", 3, .expected("'true'")),
            ("-", 1, .expected("a value")), ("+1", 0, .expected("a value")), (".5", 0, .expected("a value")),
            ("-a", 1, .expected("a value")), ("1.", 2, .expected("a digit after the point")),
            ("1.e1", 2, .expected("a digit after the point")), ("1e", 2, .expected("a digit in the exponent")),
            ("1e+-1", 3, .expected("a digit in the exponent")), ("NaN", 0, .expected("a value")),
            ("\"\\x\"", 2, .unknownEscape), ("\"\u{1}\"", 1, .controlCharacter), ("\"\n\"", 1, .controlCharacter),
            (#""\u12g4""#, 5, .expected("four hexadecimal digits")), (#""\ud800""#, 7, .halfSurrogatePair),
            (#""\ud800\n""#, 8, .halfSurrogatePair), (#""\ud800\ud800""#, 13, .halfSurrogatePair),
            (#""\udc00\ud800""#, 7, .halfSurrogatePair),
            (#"{"a":1,"a":2}"#, 10, .duplicateKey("a")), (#"{"a":1,"\u0061":2}"#, 15, .duplicateKey("a")),
        ] as [(String, Int, JSONProblem)])
    func `broken text is refused with the place and the reason`(text: String, offset: Int, problem: JSONProblem) {
        #expect(error(text) == JSONError(offset: offset, problem: problem))
    }

    @Test func `text that is not UTF-8 is refused before anything is read`() {
        #expect(throws: JSONError(offset: 2, problem: .notUTF8)) { try JSONScanner([0x7B, 0x22, 0xFF, 0x22, 0x7D]) }
    }

    @Test func `keys count as equal only if their bytes are`() throws {
        guard case .object(let members) = try value(#"{"\u00e9":1,"e\u0301":2,"x":{"x":3}}"#) else {
            Issue.record("no object")
            return
        }
        #expect(members.count == 3)
        #expect(members[Array("e\u{301}".utf8)] == .number("2"))
    }

    @Test func `nesting is limited`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(error(nested(JSONScanner.depthLimit)) == nil)
        let limit = JSONError(offset: JSONScanner.depthLimit, problem: .nestedTooDeeply)
        #expect(error(nested(JSONScanner.depthLimit + 1)) == limit)
        #expect(error(String(repeating: "[", count: 100_000)) == limit)
        #expect(error(String(repeating: "{\"a\":", count: 100_000))?.problem == .nestedTooDeeply)
    }

    @Test func `members and elements can be taken one by one`() throws {
        var scanner = try JSONScanner(Array(#" {"skip":[{"skip":1}],"list":["a","b"],"x":-1.5} "#.utf8))
        try scanner.openObject()
        #expect(try scanner.nextKey() == "skip")
        try scanner.skipValue()
        #expect(try scanner.nextKey() == "list")
        try scanner.openArray()
        var bytes: [UInt8] = []
        while try scanner.nextElement() { try scanner.string(into: &bytes) }
        #expect(bytes == Array("ab".utf8))
        #expect(try scanner.nextKey() == "x")
        #expect(try scanner.number() == Array("-1.5".utf8)[...])
        #expect(try scanner.nextKey() == nil)
        try scanner.end()
    }

    @Test func `a message shows hostile keys harmlessly`() {
        #expect(JSONProblem.duplicateKey("a\u{1B}[2J").message == "the key 'a\\u{1b}[2J' appears twice")
        #expect(JSONProblem.duplicateKey(String(repeating: "k", count: 1000)).message.count < 160)
    }
}

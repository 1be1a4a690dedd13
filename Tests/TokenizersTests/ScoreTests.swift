import StrictJSON
import TestTools
import Testing

@testable import Tokenizers

@Suite(.bounded) struct ScoreTests {
    private func score(_ text: String) throws -> Double {
        var scanner = try JSONScanner(Array(text.utf8))
        let score = try scanner.score()
        try scanner.end()
        return score
    }

    @Test func `scores are rounded as serde_json rounds them`() throws {
        // The right-hand sides were read back from the tokenizers library; each is one unit off the nearest double.
        #expect(try score("-7.2085442543029785") == -7.208544254302979)
        #expect(try score("-7.2594428062438965") == -7.259442806243896)
        #expect(try score("-2.0122928619384766") == -2.012292861938477)
        #expect(try score("-3.9598512649536133") == -3.9598512649536137)
        #expect(try score("-7.4370903968811035") == -7.437090396881104)
    }

    @Test func `numbers of every form are read`() throws {
        #expect(try score("0") == 0)
        #expect(try score("-0").sign == .minus)
        #expect(try score("12") == 12)
        #expect(try score("-12.5e1") == -125)
        #expect(try score("1E+2") == 100)
        #expect(try score("5e-1") == 0.5)
        #expect(try score("1e-400") == 0)
        #expect(try score("0e99999999999999999999") == 0)
        #expect(try score("123456789012345678901234567890") == 1.2345678901234568e29)
        #expect(try score("1234567890123456789012.34567890") == 1.2345678901234568e21)
        #expect(try score("9223372036854775807") == 0x1p63)
        #expect(try score("9223372036854775808") == 0x1p63)
        #expect(try score("0." + String(repeating: "0", count: 500) + "1") == 0)
    }

    @Test func `a number beyond Double is refused`() {
        for text in ["1e309", "1e99999999999999999999", "1" + String(repeating: "0", count: 400)] {
            let error = #expect(throws: JSONError.self) { try score(text) }
            #expect(error?.problem == .numberOutOfRange)
        }
    }
}

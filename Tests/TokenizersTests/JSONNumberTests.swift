import Testing

@testable import Tokenizers

struct JSONNumberTests {
    private func number(_ text: String) throws -> Double? {
        let bytes = Array(text.utf8)
        // Safe: bytes are bytes.
        var scanner = try JSONScanner(unsafe bytes.span.bytes)
        let value = try scanner.value()
        try scanner.expectEnd()
        return switch value {
        case .integer(let whole): Double(whole)
        case .number(let number): number
        default: nil
        }
    }

    @Test func `scores are rounded as serde_json rounds them`() throws {
        // The right-hand sides were read back from the tokenizers library; each is one unit off the nearest double.
        #expect(try number("-7.2085442543029785") == -7.208544254302979)
        #expect(try number("-7.2594428062438965") == -7.259442806243896)
        #expect(try number("-2.0122928619384766") == -2.012292861938477)
        #expect(try number("-3.9598512649536133") == -3.9598512649536137)
        #expect(try number("-7.4370903968811035") == -7.437090396881104)
    }

    @Test func `numbers of every form are read`() throws {
        #expect(try number("0") == 0)
        #expect(try number("-0")?.sign == .minus)
        #expect(try number("12") == 12)
        #expect(try number("-12.5e1") == -125)
        #expect(try number("1E+2") == 100)
        #expect(try number("5e-1") == 0.5)
        #expect(try number("1e-400") == 0)
        #expect(try number("0e99999999999999999999") == 0)
        #expect(try number("123456789012345678901234567890") == 1.2345678901234568e29)
        #expect(try number("9223372036854775807") == 0x1p63)
        #expect(try number("9223372036854775808") == 0x1p63)
        #expect(try number("0." + String(repeating: "0", count: 500) + "1") == 0)
        #expect(throws: TokenizerError.self) { try number("1e309") }
        #expect(throws: TokenizerError.self) { try number("1" + String(repeating: "0", count: 400)) }
        #expect(throws: TokenizerError.self) { try number("+1") }
        #expect(throws: TokenizerError.self) { try number(".5") }
    }
}

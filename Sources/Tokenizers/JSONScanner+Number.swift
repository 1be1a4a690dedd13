extension JSONScanner {
    /// Passes a number.
    ///
    /// Fractions are rounded as serde_json rounds them: the digits as one 64-bit integer, then one multiplication or
    /// division by a power of ten. That is one unit in the last place off for a quarter of real vocabularies, and the
    /// sums of the Viterbi search must meet the same ties as in the reference.
    mutating func number() throws(TokenizerError) -> JSONValue {
        var digits = Digits()
        let isNegative = take(UInt8(ascii: "-"))
        guard let first = nextDigit() else { throw error("expected a value") }
        digits.append(first)
        if first != 0 { while let digit = nextDigit() { digits.append(digit) } }
        var isWhole = true
        if next(is: UInt8(ascii: ".")) {
            isWhole = false
            guard let digit = nextDigit() else { throw error("expected a digit after the point") }
            digits.appendFraction(digit)
            while let digit = nextDigit() { digits.appendFraction(digit) }
        }
        if next(is: UInt8(ascii: "e")) || next(is: UInt8(ascii: "E")) {
            isWhole = false
            try exponent(of: &digits)
        }
        if isWhole, digits.exponent == 0, let whole = Int(exactly: digits.significand), !(isNegative && whole == 0) {
            return .integer(isNegative ? -whole : whole)
        }
        guard let magnitude = digits.value else { throw error("the number is out of range") }
        return .number(isNegative ? -magnitude : magnitude)
    }

    private mutating func exponent(of digits: inout Digits) throws(TokenizerError) {
        let isNegative = next(is: UInt8(ascii: "-"))
        if !isNegative { _ = next(is: UInt8(ascii: "+")) }
        guard let first = nextDigit() else { throw error("expected a digit in the exponent") }
        var exponent = Int(first)
        while let digit = nextDigit() { exponent = min(exponent * 10 + Int(digit), 1 << 40) }
        digits.exponent += isNegative ? -exponent : exponent
    }

    private mutating func nextDigit() -> UInt64? {
        guard let byte = byteHere, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
        advance()
        return UInt64(byte - UInt8(ascii: "0"))
    }

    private mutating func next(is byte: UInt8) -> Bool {
        guard byteHere == byte else { return false }
        advance()
        return true
    }
}

/// The digits of a number as far as 64 bits hold them, and a power of ten.
private struct Digits {
    var significand: UInt64 = 0
    var exponent = 0
    private var isFull = false

    mutating func append(_ digit: UInt64) {
        guard !push(digit) else { return }
        exponent += 1
    }

    mutating func appendFraction(_ digit: UInt64) {
        if push(digit) { exponent -= 1 }
    }

    private mutating func push(_ digit: UInt64) -> Bool {
        guard !isFull else { return false }
        let (tens, overflow) = significand.multipliedReportingOverflow(by: 10)
        let (sum, carry) = tens.addingReportingOverflow(digit)
        isFull = overflow || carry
        if !isFull { significand = sum }
        return !isFull
    }

    /// Nil if the number is too large for a Double.
    var value: Double? {
        var value = Double(significand)
        var exponent = exponent
        while exponent < -308, value != 0 {
            value /= 1e308
            exponent += 308
        }
        if value == 0 { return 0 }
        guard exponent <= 308 else { return nil }
        if exponent >= 0 { value *= powersOfTen[exponent] } else { value /= powersOfTen[-exponent] }
        return value.isFinite ? value : nil
    }
}

private let powersOfTen: [Double] = (0...308).map { Double("1e\($0)") ?? .infinity }

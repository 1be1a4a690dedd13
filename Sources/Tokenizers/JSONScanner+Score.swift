import StrictJSON

extension JSONScanner {
    /// Passes a number, rounded as serde_json rounds it: the digits as one 64-bit integer, then one multiplication or
    /// division by a power of ten.
    ///
    /// That is one unit in the last place off for a quarter of real vocabularies, and the sums of the Viterbi search
    /// must meet the same ties as in the reference.
    mutating func score() throws(JSONError) -> Double {
        let number = try number()
        let isNegative = number.first == UInt8(ascii: "-")
        let end = number.firstIndex { $0 | 0x20 == UInt8(ascii: "e") } ?? number.endIndex
        var digits = Digits()
        var isFraction = false
        for byte in number[..<end] {
            if let digit = Digits.value(of: byte) {
                digits.append(digit, isFraction: isFraction)
            } else if byte == UInt8(ascii: ".") {
                isFraction = true
            }
        }
        digits.exponent += Self.exponent(number[end...])
        guard let magnitude = digits.value else { throw error(.numberOutOfRange) }
        return isNegative ? -magnitude : magnitude
    }

    private static func exponent(_ text: ArraySlice<UInt8>) -> Int {
        let exponent = text.reduce(0) { sum, byte in
            Digits.value(of: byte).map { min(sum * 10 + Int($0), 1 << 40) } ?? sum
        }
        return text.contains(UInt8(ascii: "-")) ? -exponent : exponent
    }
}

/// The digits of a number as far as 64 bits hold them, and a power of ten.
private struct Digits {
    private var significand: UInt64 = 0
    var exponent = 0
    private var isFull = false

    static func value(of byte: UInt8) -> UInt64? {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte ? UInt64(byte - UInt8(ascii: "0")) : nil
    }

    mutating func append(_ digit: UInt64, isFraction: Bool) {
        let (tens, overflow) = significand.multipliedReportingOverflow(by: 10)
        let (sum, carry) = tens.addingReportingOverflow(digit)
        isFull = isFull || overflow || carry
        if !isFull { significand = sum }
        // A digit that found no room still counts in front of the point, one behind it only if it found room.
        exponent += (isFull ? 1 : 0) - (isFraction ? 1 : 0)
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

/// Numbers as JSON writes them.
package enum JSONNumber {
    /// ASCII digits, no plus, no leading zero.
    package static func isInteger(_ text: String) -> Bool {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        guard let first = digits.first, digits.count <= mostDigits, digits.allSatisfy({ (48...57).contains($0) }) else {
            return false
        }
        return first != UInt8(ascii: "0") || digits.count == 1
    }

    package static func isNumber(_ text: String) -> Bool {
        guard text.utf8.count <= 64 else { return false }
        let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        guard let mantissa = parts.first?.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false),
            let whole = mantissa.first
        else { return false }
        let exponent = parts.count == 2 ? parts[1] : "0"
        let unsigned = exponent.first == "-" || exponent.first == "+" ? exponent.dropFirst() : exponent
        let isDigits = { (part: Substring) in !part.isEmpty && part.utf8.allSatisfy { (48...57).contains($0) } }
        return isInteger(String(whole)) && (mantissa.count == 1 || isDigits(mantissa[1])) && isDigits(unsigned)
    }

    /// Longer ones are out of every range, whatever they are exactly.
    private static let mostDigits = 40

    /// A whole number in any guise (5, 5.0, 50e-1), in plain digits; nil for what is no number, or none that is whole.
    ///
    /// By its digits, not by way of a float: 9007199254740993.0 is that number.
    package static func whole(_ text: String) -> String? {
        guard isNumber(text) else { return nil }
        let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        guard let exponent = parts.count == 2 ? Int(parts[1]) : 0 else { return nil }
        let isNegative = parts[0].hasPrefix("-")
        let mantissa = parts[0].drop { $0 == "-" }.split(separator: ".", maxSplits: 1)
        var digits = mantissa.joined()
        // How many of the digits stand behind the point.
        let behind = (mantissa.count == 2 ? mantissa[1].count : 0).subtractingReportingOverflow(exponent)
        guard !behind.overflow else { return nil }
        if behind.partialValue > 0 {
            // All of them, where it is smaller than one.
            let fraction = digits.suffix(behind.partialValue)
            guard fraction.allSatisfy({ $0 == "0" }) else { return nil }
            digits.removeLast(fraction.count)
        } else if digits.contains(where: { $0 != "0" }) {
            digits += String(repeating: "0", count: min(-behind.partialValue, mostDigits))
        }
        let plain = digits.drop { $0 == "0" }
        if plain.isEmpty { return "0" }
        return (isNegative ? "-" : "") + plain
    }
}

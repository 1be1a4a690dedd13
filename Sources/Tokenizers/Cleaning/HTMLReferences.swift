/// Character references of HTML: `&amp;`, `&#38;`, `&#x26;`.
enum HTMLReferences {
    /// Resolves references as HTML 5 does, those without a semicolon included: Python's `html.unescape`.
    static func resolved(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        replacingReferences(in: text) { index in
            guard index + 1 < text.count else { return nil }
            return text[index + 1] == "#" ? numeric(text, index + 2) : named(text, index + 1)
        }
    }

    /// Resolves only what can hardly be meant literally: references with a semicolon, and capital forms of names in
    /// small letters.
    static func resolvedUnambiguous(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        replacingReferences(in: text) { index in
            let isNumeric = index + 1 < text.count && text[index + 1] == "#"
            let start = index + (isNumeric ? 2 : 1)
            let end = text[min(start, text.count)...].prefix(24).prefix { isASCIIAlphanumeric($0) }.endIndex
            guard end > start, end < text.count, text[end] == ";" else { return nil }
            if isNumeric {
                let value = resolved(Array(text[index...end]))
                return value.contains(";") ? nil : (value, end + 1)
            }
            let name = Array(text[start...end])
            guard let value = names[name] ?? capitalForm(name) else { return nil }
            return (value, end + 1)
        }
    }

    /// `reference` gives the replacement of a reference that starts at an ampersand, and where the text goes on.
    private static func replacingReferences(
        in text: [Unicode.Scalar], _ reference: (Int) -> (value: [Unicode.Scalar], end: Int)?
    ) -> [Unicode.Scalar] {
        guard text.contains("&") else { return text }
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == "&", let (value, end) = reference(index) {
                result += value
                index = end
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private static func numeric(_ text: [Unicode.Scalar], _ start: Int) -> (value: [Unicode.Scalar], end: Int)? {
        let isHexadecimal = start < text.count && (text[start] == "x" || text[start] == "X")
        let radix: UInt32 = isHexadecimal ? 16 : 10
        let first = start + (isHexadecimal ? 1 : 0)
        var end = first
        var number: UInt32 = 0
        while end < text.count, text[end].isASCII, let digit = Character(text[end]).hexDigitValue, digit < radix {
            number = min(number * radix + UInt32(digit), 0x110000)
            end += 1
        }
        guard end > first else { return nil }
        if end < text.count, text[end] == ";" { end += 1 }
        return (scalar(numbered: number), end)
    }

    /// The rules of HTML's "numeric character reference end state".
    private static func scalar(numbered number: UInt32) -> [Unicode.Scalar] {
        switch number {
        case 0: return ["\u{FFFD}"]
        case 0x0D: return ["\r"]
        case 0x80...0x9F: return [Unicode.Scalar(number).map { CodePage.windows1252.fixingControl($0) } ?? "\u{FFFD}"]
        case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0xFDD0...0xFDEF: return []
        default:
            guard let scalar = Unicode.Scalar(number) else { return ["\u{FFFD}"] }
            return number & 0xFFFE == 0xFFFE ? [] : [scalar]
        }
    }

    private static func named(_ text: [Unicode.Scalar], _ start: Int) -> (value: [Unicode.Scalar], end: Int)? {
        var end = text[start...].prefix(32).prefix { !"\t\n\u{C} <&#;".unicodeScalars.contains($0) }.endIndex
        guard end > start else { return nil }
        if end < text.count, text[end] == ";" { end += 1 }
        // The longest prefix that is a name; what follows it stays.
        for cut in stride(from: end, to: start + 1, by: -1) {
            if let value = names[Array(text[start..<cut])] {
                return (value + text[cut..<end], end)
            }
        }
        return (Array(text[start - 1..<end]), end)
    }

    /// `&EACUTE;` for `&eacute;` as a capital letter, unless HTML itself reads the capitals as something.
    private static func capitalForm(_ name: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        guard !name.contains(where: { "a"..."z" ~= $0 }) else { return nil }
        let small = name.map { "A"..."Z" ~= $0 ? Unicode.Scalar(UInt8($0.value + 32)) : $0 }
        guard let value = names[small], resolved(["&"] + name) == ["&"] + name else { return nil }
        return value.flatMap { Array($0.properties.uppercaseMapping.unicodeScalars) }
    }

    private static func isASCIIAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "0"..."9", "A"..."Z", "a"..."z": true
        default: false
        }
    }

    /// Names with their semicolons, and without where HTML allows that.
    private static let names: [[Unicode.Scalar]: [Unicode.Scalar]] = {
        var names: [[Unicode.Scalar]: [Unicode.Scalar]] = [:]
        var name: [Unicode.Scalar] = []
        for (index, word) in HTMLEntityTable.text.split(separator: " ").enumerated() {
            if index.isMultiple(of: 2) {
                name = Array(word.unicodeScalars)
                continue
            }
            let value = word.split(separator: "+").compactMap { UInt32($0, radix: 16).flatMap(Unicode.Scalar.init) }
            if name.last == "!" {
                name.removeLast()
                names[name] = value
            }
            names[name + [";"]] = value
        }
        return names
    }()
}

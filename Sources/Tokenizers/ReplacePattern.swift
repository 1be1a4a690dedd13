/// The pattern of a Replace normaliser: literal text, or the part of regular expressions that tokenizer files use.
///
/// Supported are characters, escapes, `\s`, `.`, classes in brackets and the counts `{n}`; the last item may also be
/// repeated by `+`, `*`, `{n,}` or `{n,m}`. So a match never needs to be taken back, and matching is linear.
struct ReplacePattern: Sendable {
    private struct Item: Sendable {
        var ranges: [ClosedRange<UInt32>]
        var isNegated = false
        var least = 1
        var most = 1

        func matches(_ scalar: Unicode.Scalar) -> Bool {
            ranges.contains { $0.contains(scalar.value) } != isNegated
        }
    }

    private let items: [Item]

    init(literal: String) throws(TokenizerError) {
        items = literal.unicodeScalars.map { Item(ranges: [$0.value...$0.value]) }
        guard !items.isEmpty else { throw .unsupported(component: "Replace with an empty pattern") }
    }

    init(regex: String) throws(TokenizerError) {
        var parser = Parser(scalars: Array(regex.unicodeScalars), source: regex)
        items = try parser.items()
        guard items.contains(where: { $0.least > 0 }), items.dropLast().allSatisfy({ $0.least == $0.most }) else {
            throw parser.unsupported
        }
    }

    /// Replaces every match, leftmost first.
    func replace(in text: NormalizedText, by content: [UInt8]) -> NormalizedText {
        let bytes = text.bytes
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var first = 0
        var start = 0
        while start < bytes.count {
            let match = matchEnd(bytes, start)
            let end = match ?? start + bytes.scalar(at: start).width
            if match != nil { result += content } else { result += bytes[start..<end] }
            // A replacement stands for the last character that it replaces.
            if end <= text.firstCount { first = result.count }
            start = end
        }
        return NormalizedText(result, firstCount: first)
    }

    private func matchEnd(_ text: [UInt8], _ start: Int) -> Int? {
        var index = start
        for item in items {
            var times = 0
            while times < item.most, index < text.count {
                let (scalar, width) = text.scalar(at: index)
                guard item.matches(scalar) else { break }
                times += 1
                index += width
            }
            guard times >= item.least else { return nil }
        }
        return index
    }

    private struct Parser {
        static let countLimit = 1000

        let scalars: [Unicode.Scalar]
        let source: String
        var index = 0

        var unsupported: TokenizerError { .unsupported(component: "Replace with the pattern `\(source)`") }

        mutating func next() -> Unicode.Scalar? {
            guard index < scalars.count else { return nil }
            index += 1
            return scalars[index - 1]
        }

        mutating func take(_ scalar: Unicode.Scalar) -> Bool {
            guard index < scalars.count, scalars[index] == scalar else { return false }
            index += 1
            return true
        }

        mutating func items() throws(TokenizerError) -> [Item] {
            var items: [Item] = []
            while let scalar = next() {
                var item: Item
                switch scalar {
                case "[": item = try bracketed()
                case "\\": item = Item(ranges: try escaped())
                case ".": item = Item(ranges: [0x0A...0x0A], isNegated: true)
                case "(", ")", "|", "^", "$", "*", "+", "?", "{", "}", "]": throw unsupported
                default: item = Item(ranges: [scalar.value...scalar.value])
                }
                try quantify(&item)
                items.append(item)
            }
            return items
        }

        /// Passes the rest of an escape: `\s`, a control character or a punctuation mark.
        mutating func escaped() throws(TokenizerError) -> [ClosedRange<UInt32>] {
            guard let scalar = next(), scalar.isASCII else { throw unsupported }
            switch scalar {
            case "s": return whiteSpace
            case "n": return [0x0A...0x0A]
            case "r": return [0x0D...0x0D]
            case "t": return [0x09...0x09]
            default:
                guard !scalar.isWordCharacter else { throw unsupported }
                return [scalar.value...scalar.value]
            }
        }

        mutating func bracketed() throws(TokenizerError) -> Item {
            var item = Item(ranges: [], isNegated: take("^"))
            while let scalar = next() {
                switch scalar {
                case "]":
                    guard !item.ranges.isEmpty else { throw unsupported }
                    return item
                case "[", "&", "^": throw unsupported
                case "\\": item.ranges += try escaped()
                default:
                    var last = scalar
                    if take("-") {
                        guard let end = next(), end.value >= scalar.value, !"[]\\&".unicodeScalars.contains(end) else {
                            throw unsupported
                        }
                        last = end
                    }
                    item.ranges.append(scalar.value...last.value)
                }
            }
            throw unsupported
        }

        mutating func quantify(_ item: inout Item) throws(TokenizerError) {
            if take("+") {
                item.most = .max
            } else if take("*") {
                (item.least, item.most) = (0, .max)
            } else if take("?") {
                item.least = 0
            } else if take("{") {
                item.least = try count()
                item.most = take(",") ? (scalars[index...].first == "}" ? .max : try count()) : item.least
                guard take("}"), item.most >= item.least, item.most > 0 else { throw unsupported }
            }
            // Lazy, possessive and stacked repetition.
            if let after = scalars[index...].first, "+*?{".unicodeScalars.contains(after) { throw unsupported }
        }

        mutating func count() throws(TokenizerError) -> Int {
            var value: Int?
            while (value ?? 0) <= Self.countLimit, let scalar = scalars[index...].first,
                let digit = Character(scalar).wholeNumberValue, scalar.isASCII
            {
                value = (value ?? 0) * 10 + digit
                index += 1
            }
            guard let value, value <= Self.countLimit else { throw unsupported }
            return value
        }
    }
}

/// White space as Oniguruma's `\s` has it.
private let whiteSpace: [ClosedRange<UInt32>] = [
    0x09...0x0D, 0x20...0x20, 0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
    0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000,
]

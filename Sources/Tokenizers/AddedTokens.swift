/// Tokens that are cut out of the text before the model sees it.
struct AddedTokens: Sendable {
    struct Token: Sendable {
        var content: String
        var isSingleWord = false
        var stripsLeft = false
        var stripsRight = false
        var isNormalized = false
        var id: Int32 = 0
    }

    /// Looks for the longest token at each position, leftmost first.
    private struct Matcher: Sendable {
        let tokens: [Token]
        let table: PieceTable

        init(_ tokens: [(pattern: [UInt8], token: Token)]) {
            self.tokens = tokens.map(\.token)
            table = PieceTable(tokens.map(\.pattern))
        }
    }

    private let verbatim: Matcher
    private let normalized: Matcher
    private let ids: [String: Int32]

    /// Gives each token its id: the model's where it has the piece, else the next free one; a later entry with the
    /// same content replaces an earlier one.
    init(_ entries: [Token], model: Unigram, normalizer: Normalizer?) {
        var ids: [String: Int32] = [:]
        var order: [String] = []
        var latest: [String: Token] = [:]
        var next = Int32(model.count)
        for var token in entries where !token.content.isEmpty {
            if let id = ids[token.content] {
                token.id = id
            } else {
                order.append(token.content)
                if let piece = model.piece(token.content.utf8) {
                    token.id = Int32(piece)
                } else {
                    token.id = next
                    next += 1
                }
                ids[token.content] = token.id
            }
            latest[token.content] = token
        }
        let tokens = order.compactMap { latest[$0] }
        self.ids = ids
        verbatim = Matcher(tokens.filter { !$0.isNormalized }.map { (Array($0.content.utf8), $0) })
        normalized = Matcher(
            tokens.filter(\.isNormalized).map { token in
                var text = NormalizedText(Array(token.content.utf8), isFirst: true)
                normalizer?.apply(to: &text)
                return (text.bytes, token)
            })
    }

    func id(of content: String) -> Int32? { ids[content] }

    /// One more than the greatest id.
    var idLimit: Int { Int(ids.values.max() ?? -1) + 1 }

    /// Cuts out the tokens that match the prompt as it is, normalises the rest and cuts out the others.
    func split(_ text: [UInt8], normalizer: Normalizer?) -> SplitText {
        let rough = SplitText(text).mapParts { text, part, result in
            Self.cut(text, part, verbatim, into: &result)
        }
        return rough.mapParts { text, part, result in
            guard let normalizer else {
                Self.cut(text, part, normalized, into: &result)
                return
            }
            var clean = NormalizedText(Array(text[part.range]), isFirst: part.isFirst)
            normalizer.apply(to: &clean)
            let whole = SplitText.Part(range: 0..<clean.bytes.count, token: nil, isFirst: clean.isFirst)
            Self.cut(clean.bytes, whole, normalized, into: &result)
        }
    }

    private static func cut(_ text: [UInt8], _ part: SplitText.Part, _ matcher: Matcher, into result: inout SplitText) {
        let range = part.range
        var done = range.lowerBound
        func append(_ piece: Range<Int>, _ token: Int32?) {
            result.append(text[piece], token: token, isFirst: part.isFirst && piece.lowerBound == range.lowerBound)
        }
        var start = range.lowerBound
        while matcher.table.count > 0, start < range.upperBound {
            var match: (end: Int, token: Int)?
            if text.isBoundary(start) {
                matcher.table.forEachPiece(in: text, start..<range.upperBound) { end, token in match = (end, token) }
            }
            guard let match else {
                start += 1
                continue
            }
            let token = matcher.tokens[match.token]
            if !token.isSingleWord || isWord(text, start..<match.end, in: range) {
                let lower = token.stripsLeft ? max(done, spaceStart(text, before: start, in: range)) : start
                let upper = token.stripsRight ? spaceEnd(text, after: match.end, in: range) : match.end
                append(done..<max(done, lower), nil)
                append(lower..<upper, token.id)
                done = upper
            }
            start = match.end
        }
        if done < range.upperBound { append(done..<range.upperBound, nil) }
    }

    private static func isWord(_ text: [UInt8], _ match: Range<Int>, in range: Range<Int>) -> Bool {
        let before = previous(text, match.lowerBound, in: range).map { !text.scalar(at: $0).value.isWordCharacter }
        let isFree = match.upperBound == range.upperBound || !text.scalar(at: match.upperBound).value.isWordCharacter
        return (before ?? true) && isFree
    }

    private static func previous(_ text: [UInt8], _ index: Int, in range: Range<Int>) -> Int? {
        guard index > range.lowerBound else { return nil }
        var previous = index - 1
        while previous > range.lowerBound, !text.isBoundary(previous) { previous -= 1 }
        return previous
    }

    private static func spaceStart(_ text: [UInt8], before index: Int, in range: Range<Int>) -> Int {
        var start = index
        while let before = previous(text, start, in: range), text.scalar(at: before).value.properties.isWhitespace {
            start = before
        }
        return start
    }

    private static func spaceEnd(_ text: [UInt8], after index: Int, in range: Range<Int>) -> Int {
        var end = index
        while end < range.upperBound {
            let (scalar, width) = text.scalar(at: end)
            guard scalar.properties.isWhitespace else { break }
            end += width
        }
        return end
    }
}

/// Tokens that are cut out of the text before the model sees it.
struct AddedTokens: Sendable {
    struct Token: Sendable {
        var content: [UInt8]
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
    private let ids: [[UInt8]: Int32]
    /// In the order of their first entries.
    private let tokens: [Token]

    /// Gives each token its id: the model's where it has the piece, else the next free one; a later entry with the
    /// same content replaces an earlier one.
    init(_ entries: [Token], model: Unigram, normalizer: Normalizer?) {
        var ids: [[UInt8]: Int32] = [:]
        var order: [[UInt8]] = []
        var latest: [[UInt8]: Token] = [:]
        var next = Int32(model.count)
        for var token in entries where !token.content.isEmpty {
            if let id = ids[token.content] {
                token.id = id
            } else {
                order.append(token.content)
                if let piece = model.piece(token.content) {
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
        self.tokens = tokens
        self.ids = ids
        verbatim = Matcher(tokens.filter { !$0.isNormalized }.map { ($0.content, $0) })
        normalized = Matcher(
            tokens.filter(\.isNormalized).map { token in
                var text = NormalizedText(token.content, firstCount: 0)
                normalizer?.apply(to: &text)
                return (text.bytes, token)
            })
    }

    func id(of content: String) -> Int32? { ids[Array(content.utf8)] }

    /// The same with words that are no tokens yet.
    func adding(_ words: [String], model: Unigram, normalizer: Normalizer?) -> AddedTokens {
        let new = words.map { Array($0.utf8) }.filter { ids[$0] == nil }
        guard !new.isEmpty else { return self }
        return AddedTokens(tokens + new.map { Token(content: $0) }, model: model, normalizer: normalizer)
    }

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
            var clean = NormalizedText(Array(text[part.range]), firstCount: part.firstCount)
            normalizer.apply(to: &clean)
            let whole = SplitText.Part(range: 0..<clean.bytes.count, token: nil, firstCount: clean.firstCount)
            Self.cut(clean.bytes, whole, normalized, into: &result)
        }
    }

    private static func cut(_ text: [UInt8], _ part: SplitText.Part, _ matcher: Matcher, into result: inout SplitText) {
        let range = part.range
        var done = range.lowerBound
        func appendText(upTo end: Int) {
            guard done < end else { return }
            result.append(text[done..<end], firstCount: part.firstCount - (done - range.lowerBound))
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
                let lower = token.stripsLeft ? max(done, spaceStart(text, before: start, from: done)) : start
                // What an earlier token stripped reaches to the end of the same white space.
                let upper =
                    token.stripsRight ? spaceEnd(text, after: max(done, match.end), to: range.upperBound) : match.end
                appendText(upTo: lower)
                if lower < upper { result.append(token: token.id) }
                done = upper
            }
            start = match.end
        }
        appendText(upTo: range.upperBound)
    }

    private static func isWord(_ text: [UInt8], _ match: Range<Int>, in range: Range<Int>) -> Bool {
        if let before = previous(text, match.lowerBound, from: range.lowerBound),
            text.scalar(at: before).value.isWordCharacter
        {
            return false
        }
        return match.upperBound == range.upperBound || !text.scalar(at: match.upperBound).value.isWordCharacter
    }

    private static func previous(_ text: [UInt8], _ index: Int, from start: Int) -> Int? {
        guard index > start else { return nil }
        var previous = index - 1
        while previous > start, !text.isBoundary(previous) { previous -= 1 }
        return previous
    }

    private static func spaceStart(_ text: [UInt8], before index: Int, from limit: Int) -> Int {
        var start = index
        while let before = previous(text, start, from: limit), text.scalar(at: before).value.properties.isWhitespace {
            start = before
        }
        return start
    }

    private static func spaceEnd(_ text: [UInt8], after index: Int, to limit: Int) -> Int {
        var end = index
        while end < limit {
            let (scalar, width) = text.scalar(at: end)
            guard scalar.properties.isWhitespace else { break }
            end += width
        }
        return end
    }
}

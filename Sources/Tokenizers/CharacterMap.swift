/// SentencePiece's precompiled character map: a double-array trie over UTF-8 and the texts that its leaves point to.
///
/// The trie's layout is that of darts-clone, as SentencePiece writes it into `precompiled_charsmap`.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    /// Replacements, each ended by a zero byte.
    private let texts: [UInt8]

    init(_ blob: [UInt8]) throws(TokenizerError) {
        let field = "precompiled_charsmap"
        func word(_ offset: Int) -> UInt32 {
            UInt32(blob[offset]) | UInt32(blob[offset + 1]) << 8 | UInt32(blob[offset + 2]) << 16
                | UInt32(blob[offset + 3]) << 24
        }
        guard blob.count >= 4 else { throw .badValue(field: field, reason: "has \(blob.count) bytes, needs 4 or more") }
        let count = Int(word(0)) / 4
        guard count > 0, count <= (blob.count - 4) / 4 else {
            throw .badValue(field: field, reason: "announces \(word(0)) bytes of trie, has \(blob.count - 4)")
        }
        units = (0..<count).map { word(4 + 4 * $0) }
        texts = Array(blob[(4 + 4 * count)...])
        guard (try? UTF8Span(validating: texts.span)) != nil else {
            throw .badValue(field: field, reason: "holds text that is not UTF-8")
        }
    }

    /// The replacement for the shortest known prefix of a part of `text`.
    func replacement(for range: Range<Int>, of text: [UInt8]) -> ArraySlice<UInt8>? {
        var node = offset(units[0])
        for index in range {
            let byte = text[index]
            guard byte != 0 else { return nil }
            node ^= Int(byte)
            guard node < units.count else { return nil }
            let unit = units[node]
            // Bit 31 marks a value, which is no label.
            guard unit & 0x8000_00FF == UInt32(byte) else { return nil }
            node ^= offset(unit)
            if unit >> 8 & 1 == 1 {
                guard node < units.count else { return nil }
                return replacementText(at: Int(units[node] & 0x7FFF_FFFF))
            }
        }
        return nil
    }

    private func offset(_ unit: UInt32) -> Int {
        Int(unit >> 10) << Int((unit & 0x200) >> 6)
    }

    private func replacementText(at start: Int) -> ArraySlice<UInt8>? {
        guard start < texts.count, texts.isBoundary(start) else { return nil }
        return texts[start...].prefix { $0 != 0 }
    }

    /// Maps grapheme by grapheme if they are short, else scalar by scalar.
    ///
    /// A grapheme of fewer than six bytes is replaced as a whole by what its shortest known prefix becomes: that loses
    /// what follows the prefix, and the models were trained on it.
    func apply(to text: NormalizedText) -> NormalizedText {
        let bytes = text.bytes
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var first = 0
        var start = 0
        func mapGrapheme(upTo end: Int) {
            // What is dropped at the very start leaves its place to what follows.
            let isFirst = start < text.firstCount || text.firstCount > 0 && result.isEmpty
            map(bytes, start..<end, into: &result)
            if isFirst { first = result.count }
            start = end
        }
        while start < bytes.count {
            if let end = simpleGraphemeEnd(bytes, start) {
                mapGrapheme(upTo: end)
                continue
            }
            for character in String(decoding: bytes[start..<mixedRunEnd(bytes, start)], as: UTF8.self) {
                mapGrapheme(upTo: start + character.utf8.count)
            }
        }
        return NormalizedText(result, firstCount: first)
    }

    private func map(_ text: [UInt8], _ grapheme: Range<Int>, into result: inout [UInt8]) {
        if grapheme.count < 6, let replacement = replacement(for: grapheme, of: text) {
            result += replacement
            return
        }
        var index = grapheme.lowerBound
        while index < grapheme.upperBound {
            let end = index + text.scalar(at: index).width
            result += replacement(for: index..<end, of: text) ?? text[index..<end]
            index = end
        }
    }

    /// The end of a grapheme that is plainly one ASCII character.
    private func simpleGraphemeEnd(_ text: [UInt8], _ start: Int) -> Int? {
        guard text[start] < 0x80 else { return nil }
        let end = start + 1
        return end == text.count || isBreak(text, end) ? end : nil
    }

    /// Between two ASCII characters there is always a grapheme boundary, except inside CR LF.
    private func isBreak(_ text: [UInt8], _ index: Int) -> Bool {
        text[index - 1] < 0x80 && text[index] < 0x80 && !(text[index - 1] == 0x0D && text[index] == 0x0A)
    }

    private func mixedRunEnd(_ text: [UInt8], _ start: Int) -> Int {
        var end = start + 1
        while end < text.count, !isBreak(text, end) { end += 1 }
        return end
    }
}

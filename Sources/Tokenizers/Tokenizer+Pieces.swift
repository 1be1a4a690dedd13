/// A Unigram vocabulary as llama.cpp's converter puts it into GGUF files: a text, a score and a kind for each id.
package struct PieceList: Sendable {
    /// SentencePiece's numbers for kinds of pieces.
    private enum Kind {
        static let unknown: Int32 = 2
        static let control: Int32 = 3
        static let userDefined: Int32 = 4
        static let unused: Int32 = 5
        static let all: ClosedRange<Int32> = 1...6
    }

    fileprivate var vocabulary = ScoredPieces()
    /// Texts that are cut out before the model sees what is around them.
    fileprivate var addedTokens: [AddedTokens.Token] = []
    fileprivate var firstUnknown: Int?

    /// SentencePiece's precompiled map of characters; may be empty.
    package var characterMap: [UInt8] = []
    /// The id for text that has no piece; nil for that of the first piece of this kind.
    package var unknown: Int?
    /// The id that closes a prompt, nil for none.
    package var end: Int?

    package init() {}

    package var count: Int { vocabulary.scores.count }

    /// Appends the piece with the next id.
    ///
    /// - Parameters:
    ///   - text: UTF-8.
    ///   - kind: SentencePiece's number.
    package mutating func append(_ text: [UInt8], score: Float, kind: Int32) throws(TokenizerError) {
        let field = "piece \(count)"
        guard Kind.all.contains(kind) else { throw .badValue(field: field, reason: "has the unknown type \(kind)") }
        guard (try? UTF8Span(validating: text.span)) != nil else {
            throw .badValue(field: field, reason: "is not UTF-8")
        }
        guard score.isFinite else { throw .badValue(field: field, reason: "has a score that is not finite") }
        if kind == Kind.unknown, firstUnknown == nil { firstUnknown = count }
        if [Kind.unknown, Kind.control, Kind.userDefined].contains(kind) {
            addedTokens.append(AddedTokens.Token(content: text))
        }
        // What is unused matches nothing, and must not make unknown text cheaper.
        if kind != Kind.unused { vocabulary.bytes += text }
        try vocabulary.append(score: kind == Kind.unused ? 0 : Double(score))
    }
}

extension Tokenizer {
    /// A tokenizer of these pieces, as one of SentencePiece's model files.
    package init(_ pieces: PieceList) throws(TokenizerError) {
        let unigram = try Unigram(
            vocabulary: pieces.vocabulary, unknown: pieces.unknown ?? pieces.firstUnknown, byteFallback: false)
        if let end = pieces.end, !(0..<pieces.count).contains(end) {
            throw .badValue(field: "the closing token", reason: "is \(end), but there are \(pieces.count) pieces")
        }
        let map: CharacterMap? = pieces.characterMap.isEmpty ? nil : try CharacterMap(pieces.characterMap)
        try self.init(
            model: unigram, addedTokens: pieces.addedTokens, normalizer: map.map { .characterMap($0) },
            preTokenizer: .sequence([
                .whitespaceSplit, .metaspace(replacement: Array("▁".utf8), scheme: .always, splits: true),
            ])
        ) { (_) throws(TokenizerError) in
            guard let end = pieces.end else { return .plain }
            return .closed(by: Int32(end))
        }
    }
}

import StrictJSON

extension Tokenizer {
    /// Reads a `spiece.model` as transformers' T5 tokenizer does where there is no `tokenizer.json`.
    ///
    /// That conversion keeps the pieces, their scores and the character map; it appends the `<extra_id_…>` tokens, cuts
    /// at white space, always prefixes `▁`, spells nothing in bytes, and takes id 2 for unknown text.
    ///
    /// - Parameter configuration: the text of `tokenizer_config.json` beside it, for the number of extra ids.
    package init(sentencePiece: RawSpan, configuration: RawSpan? = nil) throws(TokenizerError) {
        var extraIDs = 100
        if let configuration {
            let value = try JSONValue(configuration)
            extraIDs = try TokenizerFields(value, path: "tokenizer_config").integer("extra_ids") ?? extraIDs
            guard 0...10_000 ~= extraIDs else {
                throw .badValue(field: "tokenizer_config.extra_ids", reason: "must be 0 to 10000, not \(extraIDs)")
            }
        }
        var file = try SentencePieceFile(sentencePiece)
        let names = (0..<extraIDs).reversed().map { "<extra_id_\($0)>" }
        for name in names { try file.vocabulary.append(name, score: 0) }
        let unigram = try Unigram(vocabulary: file.vocabulary, unknown: 2, byteFallback: false)
        let tokens = (["</s>", "<unk>", "<pad>"] + names).map { AddedTokens.Token(content: Array($0.utf8)) }
        let map: CharacterMap? = file.characterMap.isEmpty ? nil : try CharacterMap(file.characterMap)
        try self.init(
            model: unigram, addedTokens: tokens, normalizer: map.map { .characterMap($0) },
            preTokenizer: .sequence([
                .whitespaceSplit, .metaspace(replacement: Array("▁".utf8), scheme: .always, splits: true),
            ])
        ) { (added) throws(TokenizerError) in
            guard let id = added.id(of: "</s>") else { return .plain }
            return .closed(by: id)
        }
    }
}

/// The fields of SentencePiece's ModelProto (`sentencepiece_model.proto`) that matter here.
private struct SentencePieceFile {
    static let byteLimit = 1 << 28

    var vocabulary = ScoredPieces()
    var characterMap: [UInt8] = []

    init(_ span: RawSpan) throws(TokenizerError) {
        guard span.byteCount <= Self.byteLimit else {
            throw .badProtobuf(
                offset: 0, reason: "\(span.byteCount) bytes are more than the limit of \(Self.byteLimit)")
        }
        let bytes = [UInt8](copying: span)
        var reader = ProtobufReader(bytes, 0..<bytes.count)
        while let (field, value) = try reader.next() {
            guard case .bytes(let range) = value else { continue }
            switch field {
            case 1: try readPiece(ProtobufReader(bytes, range))
            case 2: try readTrainer(ProtobufReader(bytes, range))
            case 3: try readNormalizer(ProtobufReader(bytes, range))
            default: break
            }
        }
        guard !vocabulary.scores.isEmpty else { throw reader.error("there are no pieces") }
    }

    private mutating func readPiece(_ message: ProtobufReader) throws(TokenizerError) {
        var message = message
        var text = 0..<0
        var score: Float = 0
        while let (field, value) = try message.next() {
            switch (field, value) {
            case (1, .bytes(let range)): text = range
            case (2, .fixed32(let bits)): score = Float(bitPattern: bits)
            default: break
            }
        }
        let piece = Array(message.bytes[text])
        guard (try? UTF8Span(validating: piece.span)) != nil else { throw message.error("a piece is not UTF-8") }
        guard score.isFinite else { throw message.error("the score of a piece is not finite") }
        vocabulary.bytes += piece
        try vocabulary.append(score: Double(score))
    }

    private func readTrainer(_ message: ProtobufReader) throws(TokenizerError) {
        var message = message
        while let (field, value) = try message.next() {
            guard field == 3, case .varint(let type) = value, type != 1 else { continue }
            let names: [UInt64: String] = [2: "BPE", 3: "WORD", 4: "CHAR"]
            throw .unsupported(component: "SentencePiece model type \(names[type] ?? String(type))")
        }
    }

    private mutating func readNormalizer(_ message: ProtobufReader) throws(TokenizerError) {
        var message = message
        while let (field, value) = try message.next() {
            if field == 2, case .bytes(let range) = value { characterMap = Array(message.bytes[range]) }
        }
    }
}

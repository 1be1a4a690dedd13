import StrictJSON

extension Tokenizer {
    private static let jsonLimit = 1 << 28

    /// Reads a `tokenizer.json` of the tokenizers library.
    ///
    /// `decoder`, `truncation` and `padding` are passed over: the first does not matter here, the pipelines set the
    /// others at each call.
    package init(json: RawSpan) throws(TokenizerError) {
        guard json.byteCount <= Self.jsonLimit else {
            let reason = "\(json.byteCount) bytes are more than the limit of \(Self.jsonLimit)"
            throw .badJSON(offset: 0, reason: reason)
        }
        let file: TokenizerFile
        do throws(JSONError) {
            file = try TokenizerFile([UInt8](copying: json))
        } catch {
            throw TokenizerError(error)
        }
        guard let model = file.model else { throw .badValue(field: "model", reason: "is missing or not an object") }
        try self.init(TokenizerFields(.object(file.fields), path: ""), unigram: model.unigram())
    }

    private init(_ file: TokenizerFields, unigram: Unigram) throws(TokenizerError) {
        if file["version"] != nil {
            let version = try file.string("version")
            guard version == "1.0" else { throw .unsupported(component: "version \(version) of tokenizer.json") }
        }
        var tokens: [AddedTokens.Token] = []
        for (index, value) in (try file.array("added_tokens") ?? []).enumerated() {
            tokens.append(try AddedTokens.Token(try TokenizerFields(value, path: "added_tokens[\(index)]")))
        }
        var normalizer: Normalizer?
        if let value = file["normalizer"] { normalizer = try Normalizer(value, path: "normalizer") }
        var preTokenizer: PreTokenizer?
        if let value = file["pre_tokenizer"] { preTokenizer = try PreTokenizer(value, path: "pre_tokenizer") }
        let processor = file["post_processor"]
        try self.init(
            model: unigram, addedTokens: tokens, normalizer: normalizer, preTokenizer: preTokenizer
        ) { (_) throws(TokenizerError) in
            guard let processor else { return .plain }
            return try Template(processor)
        }
    }
}

extension AddedTokens.Token {
    fileprivate init(_ fields: TokenizerFields) throws(TokenizerError) {
        guard try fields.integer("id") != nil else { throw fields.missing("id") }
        _ = try fields.requiredBool("special")
        self.init(
            content: Array(try fields.string("content").utf8), isSingleWord: try fields.requiredBool("single_word"),
            stripsLeft: try fields.requiredBool("lstrip"), stripsRight: try fields.requiredBool("rstrip"),
            isNormalized: try fields.requiredBool("normalized"))
    }
}

/// The members of the file's object; its `model` apart.
private struct TokenizerFile {
    private(set) var fields: [[UInt8]: JSONValue] = [:]
    private(set) var model: ModelFields?

    init(_ text: [UInt8]) throws(JSONError) {
        var scanner = try JSONScanner(text)
        try scanner.openObject()
        while let key = try scanner.nextKey() {
            if key == "model", try scanner.peek() == UInt8(ascii: "{") {
                model = try ModelFields(&scanner)
            } else {
                fields[Array(key.utf8)] = try scanner.value()
            }
        }
        try scanner.end()
    }
}

/// The `model` object; its vocabulary goes straight into flat arrays.
private struct ModelFields {
    private var fields: [[UInt8]: JSONValue] = [:]
    private var vocabulary: ScoredPieces?

    init(_ scanner: inout JSONScanner) throws(JSONError) {
        try scanner.openObject()
        while let key = try scanner.nextKey() {
            if key == "vocab", try scanner.peek() == UInt8(ascii: "[") {
                vocabulary = try Self.vocabulary(&scanner)
            } else {
                fields[Array(key.utf8)] = try scanner.value()
            }
        }
    }

    private static func vocabulary(_ scanner: inout JSONScanner) throws(JSONError) -> ScoredPieces {
        var vocabulary = ScoredPieces()
        try scanner.openArray()
        while try scanner.nextElement() {
            try scanner.expect("[")
            try scanner.string(into: &vocabulary.bytes)
            try scanner.expect(",")
            let score = try scanner.score()
            try scanner.expect("]")
            guard (try? vocabulary.append(score: score)) != nil else {
                throw scanner.error(.tooManyElements(limit: ScoredPieces.pieceLimit))
            }
        }
        return vocabulary
    }

    func unigram() throws(TokenizerError) -> Unigram {
        let model = try TokenizerFields(.object(fields), path: "model")
        if model["type"] != nil {
            let type = try model.type()
            guard type == "Unigram" else { throw .unsupported(component: "model \(type)") }
        }
        guard let vocabulary else { throw .badValue(field: "model.vocab", reason: "is missing or not an array") }
        return try Unigram(
            vocabulary: vocabulary, unknown: try model.integer("unk_id"),
            byteFallback: try model.bool("byte_fallback") ?? false)
    }
}

extension Tokenizer {
    /// Reads a `tokenizer.json` of the tokenizers library.
    ///
    /// `decoder`, `truncation` and `padding` are passed over: the first does not matter here, the pipelines set the
    /// others at each call.
    package init(json: RawSpan) throws(TokenizerError) {
        var scanner = try JSONScanner(json)
        var fields: [[UInt8]: JSONValue] = [:]
        var model: ModelFields?
        guard scanner.peek() == UInt8(ascii: "{") else { throw scanner.error("expected an object") }
        try scanner.object { (scanner, key) throws(TokenizerError) in
            if key == Array("model".utf8), scanner.peek() == UInt8(ascii: "{") {
                model = try ModelFields(&scanner)
            } else {
                fields[key] = try scanner.value(depth: 1)
            }
        }
        try scanner.expectEnd()
        guard let model else { throw .badValue(field: "model", reason: "is missing or not an object") }
        try self.init(JSONFields(.object(fields), path: ""), unigram: model.unigram())
    }

    private init(_ file: JSONFields, unigram: Unigram) throws(TokenizerError) {
        if file["version"] != nil {
            let version = try file.string("version")
            guard version == "1.0" else { throw .unsupported(component: "version \(version) of tokenizer.json") }
        }
        var tokens: [AddedTokens.Token] = []
        for (index, value) in (try file.array("added_tokens") ?? []).enumerated() {
            tokens.append(try AddedTokens.Token(try JSONFields(value, path: "added_tokens[\(index)]")))
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
    fileprivate init(_ fields: JSONFields) throws(TokenizerError) {
        guard try fields.integer("id") != nil else { throw fields.missing("id") }
        _ = try fields.requiredBool("special")
        self.init(
            content: Array(try fields.string("content").utf8), isSingleWord: try fields.requiredBool("single_word"),
            stripsLeft: try fields.requiredBool("lstrip"), stripsRight: try fields.requiredBool("rstrip"),
            isNormalized: try fields.requiredBool("normalized"))
    }
}

/// The `model` object; its vocabulary goes straight into flat arrays.
private struct ModelFields {
    private var fields: [[UInt8]: JSONValue] = [:]
    private var vocabulary: Vocabulary?

    init(_ scanner: inout JSONScanner) throws(TokenizerError) {
        var fields: [[UInt8]: JSONValue] = [:]
        var vocabulary: Vocabulary?
        try scanner.object { (scanner, key) throws(TokenizerError) in
            if key == Array("vocab".utf8), scanner.peek() == UInt8(ascii: "[") {
                vocabulary = try Self.vocabulary(&scanner)
            } else {
                fields[key] = try scanner.value(depth: 2)
            }
        }
        self.fields = fields
        self.vocabulary = vocabulary
    }

    private static func vocabulary(_ scanner: inout JSONScanner) throws(TokenizerError) -> Vocabulary {
        var vocabulary = Vocabulary()
        try scanner.array { (scanner) throws(TokenizerError) in
            try scanner.expect(UInt8(ascii: "["))
            try scanner.string(into: &vocabulary.bytes)
            try scanner.expect(UInt8(ascii: ","))
            switch try scanner.number() {
            case .integer(let score): try vocabulary.append(score: Double(score))
            case .number(let score): try vocabulary.append(score: score)
            default: throw scanner.error("expected a score")
            }
            try scanner.expect(UInt8(ascii: "]"))
        }
        return vocabulary
    }

    func unigram() throws(TokenizerError) -> Unigram {
        let model = try JSONFields(.object(fields), path: "model")
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

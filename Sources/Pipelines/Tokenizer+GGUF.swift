import Compute
package import Tokenizers
package import Weights

extension Tokenizer {
    /// The tokenizer in the metadata of a text encoder's GGUF file.
    package init(_ file: GGUF) throws {
        guard case .text("t5")? = file.metadata["tokenizer.ggml.model"] else {
            throw Self.missing("tokenizer.ggml.model", "must be t5", file)
        }
        guard case .array(let tokens)? = file.metadata["tokenizer.ggml.tokens"],
            case .array(let list)? = file.metadata["tokenizer.ggml.scores"], let scores = list.floats,
            case .array(let types)? = file.metadata["tokenizer.ggml.token_type"], let kinds = types.integers
        else { throw Self.missing("tokenizer.ggml.tokens", "must be there, with scores and token_type", file) }
        guard scores.count == tokens.count, kinds.count == tokens.count else {
            let counts = "\(tokens.count) tokens, \(scores.count) scores and \(kinds.count) types"
            throw Self.missing("tokenizer.ggml.tokens", "must be as many as scores and types: \(counts)", file)
        }
        var pieces = PieceList()
        let isText = try tokens.forEachText { (text: HostBytes) throws(TokenizerError) in
            try pieces.append(text.copied, score: scores[pieces.count], kind: kinds[pieces.count])
        }
        guard isText else { throw Self.missing("tokenizer.ggml.tokens", "must be texts", file) }
        if case .array(let map)? = file.metadata["tokenizer.ggml.precompiled_charsmap"] {
            guard let bytes = map.bytes else {
                throw Self.missing("tokenizer.ggml.precompiled_charsmap", "must be bytes", file)
            }
            pieces.characterMap = bytes
        }
        pieces.unknown = file.metadata["tokenizer.ggml.unknown_token_id"]?.integer
        if case .bool(false)? = file.metadata["tokenizer.ggml.add_eos_token"] {
            pieces.end = nil
        } else {
            pieces.end = file.metadata["tokenizer.ggml.eos_token_id"]?.integer ?? 1
        }
        self = try Tokenizer(pieces)
    }

    private static func missing(_ field: String, _ rule: String, _ file: GGUF) -> WeightError {
        .config(file: file.file, field: field, value: nil, rule: rule)
    }
}

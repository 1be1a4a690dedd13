/// Turns a prompt into the token ids of a Unigram model, as the tokenizers library does.
package struct Tokenizer: Sendable {
    private let normalizer: Normalizer?
    private let preTokenizer: PreTokenizer?
    private let model: Unigram
    private var addedTokens: AddedTokens
    private let template: Template

    /// The id with which a batch is filled up.
    package private(set) var padID: Int32

    /// The number of ids: one more than the greatest id that a text can get.
    package let vocabularyCount: Int

    init(
        model: Unigram, addedTokens: [AddedTokens.Token], normalizer: Normalizer?, preTokenizer: PreTokenizer?,
        template: (AddedTokens) throws(TokenizerError) -> Template
    ) throws(TokenizerError) {
        self.model = model
        self.normalizer = normalizer
        self.preTokenizer = preTokenizer
        self.addedTokens = AddedTokens(addedTokens, model: model, normalizer: normalizer)
        self.template = try template(self.addedTokens)
        padID = self.addedTokens.id(of: Self.pad) ?? model.piece(Array(Self.pad.utf8)).map { Int32($0) } ?? 0
        vocabularyCount = max(model.count, self.addedTokens.idLimit)
    }

    private static let pad = "<pad>"

    /// The id of a special token, or of a piece; nil where there is no such word.
    package func id(of word: String) -> Int32? {
        addedTokens.id(of: word) ?? model.piece(Array(word.utf8)).map { Int32($0) }
    }

    /// The same where `words`, each of which has an id, are special tokens, too, and `pad` fills batches up.
    package func with(special words: [String], pad: String?) -> Tokenizer {
        var other = self
        other.addedTokens = addedTokens.adding(words, model: model, normalizer: normalizer)
        other.padID = pad.flatMap { other.id(of: $0) } ?? padID
        return other
    }

    /// The ids of a prompt, with those that the file's template adds (for T5 and umT5 a closing `</s>`).
    package func encode(_ text: String) -> [Int32] {
        template.apply(to: textIDs(text))
    }

    /// At most `maximumLength` ids: the text is cut, the template's ids stay.
    package func encode(_ text: String, maximumLength: Int) -> [Int32] {
        template.apply(to: textIDs(text).prefix(max(0, maximumLength - template.addedCount)))
    }

    private func textIDs(_ text: String) -> [Int32] {
        var parts = addedTokens.split(Array(text.utf8), normalizer: normalizer)
        preTokenizer?.apply(to: &parts)
        var ids: [Int32] = []
        for part in parts.parts {
            if let token = part.token {
                ids.append(token)
            } else {
                model.encode(parts.bytes, part.range, into: &ids)
            }
        }
        return ids
    }
}

import Tokenizers

/// How a family makes tokens of a text.
struct TextPreparation {
    /// Whether entities, white space and broken letters are put right first.
    let isCleaned: Bool
    /// Rows that a text has with its padding; it is cut there.
    let length: Int
    /// Whether the encoder reads the padding too, as one without a mask does.
    let readsPadding: Bool

    /// What the encoder reads.
    func tokens(_ text: String, _ tokenizer: Tokenizer) -> [Int32] {
        let ids = tokenizer.encode(cleaned(text), maximumLength: length)
        guard readsPadding else { return ids }
        return ids + [Int32](repeating: tokenizer.padID, count: length - ids.count)
    }

    /// Tokens that `text` is, the closing one included and padding left out, however many are read.
    ///
    /// - Parameter tokenizer: nil where nobody can count words: then as many as are read.
    func count(_ text: String, _ tokenizer: Tokenizer?) -> Int {
        let text = cleaned(text)
        return tokenizer?.encode(text).count ?? (text.isEmpty ? 1 : length)
    }

    private func cleaned(_ text: String) -> String { isCleaned ? PromptCleaning.clean(text) : text }
}

import Tokenizers
import Weights

/// The words that the files beside a tokenizer make special tokens: a prompt is cut where it holds one.
struct SpecialTokens {
    private(set) var words: [String] = []
    /// With which texts are filled up; nil where nothing says it.
    private(set) var pad: String?

    /// Those of `tokenizer_config.json` that name such words.
    static let fields = Field.allCases.map(\.rawValue)

    /// What the later one says counts where both say it, as in transformers.
    private static let files = ["tokenizer/tokenizer_config.json", "tokenizer/special_tokens_map.json"]
    private static let added = "tokenizer/added_tokens.json"

    /// - Parameter isKnown: whether a word is in the vocabulary: the encoder has no place for another one.
    init(_ folder: ModelFolder, isKnown: (String) -> Bool) throws(WeightError) {
        func check(_ word: String, _ file: String, _ field: String) throws(WeightError) {
            guard !isKnown(word) else { return }
            throw ConfigFields(file: folder.fullName(file)).failure(field, "\"\(word)\"", "a word of the vocabulary")
        }
        for file in Self.files where folder.exists(file) {
            let named = try folder.config(file, as: Named.self)
            for (field, words) in named.words {
                for word in words { try check(word, file, field.rawValue) }
                if field == .eos, let word = words.first {
                    try ConfigFields(file: folder.fullName(file)).oneOf([Self.end], word, field.rawValue)
                }
                if field == .pad, let word = words.first { pad = word }
                self.words += words
            }
        }
        guard folder.exists(Self.added) else { return }
        let words = try folder.config(Self.added, as: [String: Int].self).keys.filter { !$0.isEmpty }.sorted()
        for word in words { try check(word, Self.added, word) }
        self.words += words
    }

    /// What every text is closed by.
    private static let end = "</s>"

    private enum Field: String, CodingKey, CaseIterable {
        case addedTokens = "added_tokens_decoder"
        case additional = "additional_special_tokens"
        case bos = "bos_token"
        case cls = "cls_token"
        case eos = "eos_token"
        case extra = "extra_special_tokens"
        case mask = "mask_token"
        case ofModel = "model_specific_special_tokens"
        case pad = "pad_token"
        case sep = "sep_token"
        case unknown = "unk_token"
    }

    private struct Named: Decodable {
        let words: [(field: Field, words: [String])]

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: Field.self)
            words = try Field.allCases.compactMap { field in
                guard let found = try values.decodeIfPresent(Words.self, forKey: field) else { return nil }
                return (field, found.words.filter { !$0.isEmpty })
            }
        }
    }

    /// A word, an object that holds it as `content`, or a list or an object of such.
    private struct Words: Decodable {
        let words: [String]

        private enum Key: CodingKey {
            case content
        }

        init(from decoder: any Decoder) throws {
            if let word = try? String(from: decoder) {
                words = [word]
            } else if let token = try? decoder.container(keyedBy: Key.self), token.contains(.content) {
                words = [try token.decode(String.self, forKey: .content)]
            } else if let list = try? [Words](from: decoder) {
                words = list.flatMap(\.words)
            } else {
                words = try [String: Words](from: decoder).sorted { $0.key < $1.key }.flatMap(\.value.words)
            }
        }
    }
}

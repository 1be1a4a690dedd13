import Weights

/// The classes by which `model_index.json` has the parts made that are judged by their own files.
struct PartClass: Decodable {
    /// nil where nothing is said: then what the part's own file names counts.
    let scheduler: String?
    let tokenizer: String?

    static let path = "model_index.json"
    /// Those that read a `tokenizer.json` as it is written here, or T5's pieces.
    private static let tokenizers = [
        "T5Tokenizer", "T5TokenizerFast", "AutoTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend",
    ]

    private enum Key: CodingKey {
        case scheduler, tokenizer
    }

    /// A component is [library, class]; [null, null] stands for none.
    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        func name(_ key: Key) throws -> String? {
            try values.decodeIfPresent([String?].self, forKey: key)?.last.flatMap(\.self)
        }
        scheduler = try name(.scheduler)
        tokenizer = try name(.tokenizer)
    }

    /// nil for a folder without that file.
    static func of(_ folder: ModelFolder) throws(WeightError) -> PartClass? {
        guard folder.exists(path) else { return nil }
        return try folder.config(path, as: PartClass.self)
    }

    static func checkTokenizer(of folder: ModelFolder) throws(WeightError) {
        guard let name = try of(folder)?.tokenizer else { return }
        try ConfigFields(file: folder.fullName(path)).oneOf(tokenizers, name, "tokenizer")
    }
}

import Compute
import Tokenizers
import Weights

extension Tokenizer {
    /// `tokenizer.json` is the truth; beside it these turn or cut texts otherwise, or are words for special tokens.
    static let fields = FieldTable(
        read: ["extra_ids"] + SpecialTokens.fields,
        harmless: [
            "add_bos_token", "add_eos_token", "add_prefix_space", "backend", "chat_template",
            "clean_up_tokenization_spaces", "is_local", "legacy", "max_length", "model_input_names",
            "model_max_length", "name_or_path", "pad_to_multiple_of", "pad_token_type_id", "processor_class",
            "return_token_type_ids", "sp_model_kwargs", "spaces_between_special_tokens", "special_tokens_map_file",
            "stride", "tokenizer_class", "tokenizer_file", "truncation_strategy", "use_fast", "vocab_file",
        ],
        fixed: [
            "padding_side": ["right"], "truncation_side": ["right"], "do_lower_case": [false],
            "split_special_tokens": [false, nil],
        ])
    private static let config = "tokenizer/tokenizer_config.json"

    /// The tokenizer of a folder in the Diffusers layout, with the special tokens that the files beside it name.
    init(_ folder: ModelFolder) throws {
        try PartClass.checkTokenizer(of: folder)
        if folder.exists(Self.config), let failure = try folder.failure(Self.config, Self.fields) { throw failure }
        let bare = try Tokenizer(bare: folder)
        let special = try SpecialTokens(folder) { bare.id(of: $0) != nil }
        self = bare.with(special: special.words, pad: special.pad)
    }

    private init(bare folder: ModelFolder) throws {
        if folder.exists("tokenizer/tokenizer.json") {
            self = try folder.bytes("tokenizer/tokenizer.json").withBytes { try Tokenizer(json: $0) }
            return
        }
        let gguf = "tokenizer/tokenizer.gguf"
        if folder.exists(gguf) {
            self = try Tokenizer(GGUF(folder.bytes(gguf), file: folder.fullName(gguf)))
            return
        }
        let model = try folder.bytes("tokenizer/spiece.model")
        guard folder.exists(Self.config) else {
            self = try model.withBytes { try Tokenizer(sentencePiece: $0) }
            return
        }
        self = try folder.bytes(Self.config).withBytes { config in
            try model.withBytes { try Tokenizer(sentencePiece: $0, configuration: config) }
        }
    }
}

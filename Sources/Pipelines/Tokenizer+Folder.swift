import Compute
import Tokenizers
import Weights

extension Tokenizer {
    /// `tokenizer.json` is the truth; beside it these turn or cut texts otherwise, or are words for special tokens.
    private static let fields = FieldTable(
        read: ["extra_ids"],
        harmless: [
            "add_bos_token", "add_eos_token", "add_prefix_space", "added_tokens_decoder", "additional_special_tokens",
            "backend", "bos_token", "chat_template", "clean_up_tokenization_spaces", "cls_token", "eos_token",
            "extra_special_tokens", "is_local", "legacy", "mask_token", "max_length", "model_input_names",
            "model_max_length", "model_specific_special_tokens", "name_or_path", "pad_to_multiple_of", "pad_token",
            "pad_token_type_id", "processor_class", "return_token_type_ids", "sep_token", "sp_model_kwargs",
            "spaces_between_special_tokens", "special_tokens_map_file", "split_special_tokens", "stride",
            "tokenizer_class", "tokenizer_file", "truncation_strategy", "unk_token", "use_fast", "vocab_file",
        ],
        fixed: ["padding_side": ["right"], "truncation_side": ["right"], "do_lower_case": [false]])

    /// The tokenizer of a folder in the Diffusers layout.
    init(_ folder: ModelFolder) throws {
        let config = "tokenizer/tokenizer_config.json"
        let hasConfig = folder.exists(config)
        if hasConfig, let failure = try folder.failure(config, Self.fields) { throw failure }
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
        guard hasConfig else {
            self = try model.withBytes { try Tokenizer(sentencePiece: $0) }
            return
        }
        self = try folder.bytes(config).withBytes { config in
            try model.withBytes { try Tokenizer(sentencePiece: $0, configuration: config) }
        }
    }
}

package import Weights

extension KeyTable {
    /// As Hugging Face names them, in a file by itself, as ComfyUI has it.
    package static let t5OfHuggingFace = KeyTable(
        own: "names of Hugging Face",
        ignored: [IgnoredKey("spiece_model", reason: "the tokenizer")])
}

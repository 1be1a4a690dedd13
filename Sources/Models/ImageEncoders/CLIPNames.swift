package import Weights

extension KeyTable {
    /// CLIP's vision tower as Hugging Face names it, in a file by itself.
    package static let clipOfHuggingFace = KeyTable(own: "names of Hugging Face")
}

/// A part of a model whose files may come from a place of their own.
public enum ModelPart: String, Sendable, Hashable, Codable, CaseIterable {
    case transformer
    /// The expert of low noise.
    case transformer2 = "transformer_2"
    case vae
    case textEncoder = "text_encoder"
    case imageEncoder = "image_encoder"
    case tokenizer

    package var term: Term {
        switch self {
        case .transformer: .transformer
        case .transformer2: .transformer2
        case .vae: .vae
        case .textEncoder: .textEncoder
        case .imageEncoder: .imageEncoder
        case .tokenizer: .tokenizer
        }
    }

    /// As people say it.
    package var words: String {
        switch self {
        case .transformer: "transformer"
        case .transformer2: "second transformer"
        case .vae: "VAE"
        case .textEncoder: "text encoder"
        case .imageEncoder: "image encoder"
        case .tokenizer: "tokenizer"
        }
    }
}

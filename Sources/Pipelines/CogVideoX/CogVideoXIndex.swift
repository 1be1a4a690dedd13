import Weights

/// What the `model_index.json` of a CogVideoX folder says.
struct CogVideoXIndex {
    /// Whether clips begin with a picture.
    let takesPicture: Bool

    static let className = "CogVideoXPipeline"
    static let pictureClassName = "CogVideoXImageToVideoPipeline"
    private static let path = "model_index.json"

    init(_ folder: ModelFolder) throws(WeightError) {
        let fields = try folder.config(Self.path, as: Fields.self)
        if let failure = try folder.failure(Self.path, Self.table) { throw failure }
        takesPicture = fields.className == Self.pictureClassName
        let check = ConfigFields(file: folder.fullName(Self.path))
        for (name, part, known) in [
            ("transformer", fields.transformer, "CogVideoXTransformer3DModel"),
            ("vae", fields.vae, "AutoencoderKLCogVideoX"), ("text_encoder", fields.textEncoder, "T5EncoderModel"),
        ] {
            if let found = part?.last ?? nil { try check.oneOf([known], found, name) }
        }
    }

    /// The classes of tokenizer and scheduler are judged by their own files.
    private static let table = FieldTable(
        read: Fields.CodingKeys.allCases.map(\.rawValue), harmless: ["tokenizer", "scheduler"])

    /// A component is [library, class].
    private struct Fields: Decodable {
        let className: String
        let transformer: [String?]?
        let vae: [String?]?
        let textEncoder: [String?]?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case className = "_class_name"
            case transformer, vae
            case textEncoder = "text_encoder"
        }
    }
}

import Weights

/// What the `model_index.json` of a Wan folder says.
struct WanIndex {
    let className: String
    /// Share of the noise range that belongs to the first of two experts.
    let boundaryRatio: Double?
    let expandTimesteps: Bool
    let hasSecondTransformer: Bool
    /// Whether every clip begins with a picture.
    let needsPicture: Bool
    let hasImageEncoder: Bool
    /// The `model_type` that the class of the text encoder reads.
    let textEncoderType: String

    private static let path = "model_index.json"

    init(_ folder: ModelFolder) throws(WeightError) {
        let fields = try folder.config(Self.path, as: Fields.self)
        if let failure = try folder.failure(Self.path, Self.table) { throw failure }
        let check = ConfigFields(file: folder.fullName(Self.path))
        className = fields.className
        boundaryRatio = fields.boundaryRatio
        expandTimesteps = fields.expandTimesteps ?? false
        hasSecondTransformer = fields.transformer2?.className != nil
        if let boundaryRatio { try check.real(boundaryRatio, "boundary_ratio", in: 0...1) }
        guard hasSecondTransformer == (boundaryRatio != nil) else {
            throw check.failure(
                "boundary_ratio", boundaryRatio?.description ?? "missing",
                "present exactly where there is a transformer_2")
        }
        try Self.check(fields.transformer, "transformer", ["WanTransformer3DModel"], check)
        try Self.check(fields.transformer2, "transformer_2", ["WanTransformer3DModel"], check)
        try Self.check(fields.vae, "vae", ["AutoencoderKLWan"], check)
        try Self.check(fields.textEncoder, "text_encoder", ["UMT5EncoderModel", "T5EncoderModel"], check)
        textEncoderType = fields.textEncoder?.className == "T5EncoderModel" ? "t5" : "umt5"
        needsPicture = fields.className == "WanImageToVideoPipeline"
        hasImageEncoder = fields.imageEncoder?.className != nil
        let encoders = needsPicture ? ["CLIPVisionModel", "CLIPVisionModelWithProjection"] : []
        try Self.check(fields.imageEncoder, "image_encoder", encoders, check)
        let processors = needsPicture ? ["CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPFeatureExtractor"] : []
        try Self.check(fields.imageProcessor, "image_processor", processors, check)
    }

    private static func check(
        _ component: Component?, _ name: String, _ known: [String], _ check: ConfigFields
    ) throws(WeightError) {
        guard let found = component?.className else { return }
        guard !known.isEmpty else { throw check.failure(name, found, "[null, null] in a folder for words alone") }
        try check.oneOf(known, found, name)
    }

    /// The classes of tokenizer and scheduler are judged by their own files.
    private static let table = FieldTable(
        read: Fields.CodingKeys.allCases.map(\.rawValue), harmless: ["tokenizer", "scheduler", "default_generation"])

    /// A component is [library, class]; [null, null] stands for none.
    private struct Component: Decodable {
        let className: String?

        init(from decoder: any Decoder) throws {
            let parts = try [String?](from: decoder)
            className = parts.last.flatMap { $0 }
        }
    }

    private struct Fields: Decodable {
        let className: String
        let boundaryRatio: Double?
        let expandTimesteps: Bool?
        let transformer: Component?
        let transformer2: Component?
        let vae: Component?
        let textEncoder: Component?
        let imageEncoder: Component?
        let imageProcessor: Component?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case className = "_class_name"
            case boundaryRatio = "boundary_ratio"
            case expandTimesteps = "expand_timesteps"
            case transformer
            case transformer2 = "transformer_2"
            case vae
            case textEncoder = "text_encoder"
            case imageEncoder = "image_encoder"
            case imageProcessor = "image_processor"
        }
    }
}

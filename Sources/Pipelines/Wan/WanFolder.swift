import VideoTypes
import Weights

/// What a Wan model's folder says beside its parts' own configurations, told from the parts.
enum WanFolder {
    /// What tells Wan models apart.
    private struct Transformer: Decodable {
        let inChannels: Int
        let outChannels: Int
        let imageDim: Int?

        enum CodingKeys: String, CodingKey {
            case inChannels = "in_channels"
            case outChannels = "out_channels"
            case imageDim = "image_dim"
        }

        /// Mask and latents of pictures lie beside the latents.
        var hasCondition: Bool { inChannels == 2 * outChannels + 4 }
        /// Wan 2.2 has a model with 48 channels, which holds the first frame instead.
        var holdsFirstFrame: Bool { inChannels == outChannels && outChannels == 48 }
    }

    private struct Tower: Decodable {
        let imageSize: Int

        enum CodingKeys: String, CodingKey {
            case imageSize = "image_size"
        }
    }

    /// Whether a model with this transformer has two.
    static func needsTwoExperts(_ transformer: ModelFolder.AddedFile) throws(WeightError) -> Bool {
        let numbers = try ModelFolder.decode(transformer.bytes, as: Transformer.self, file: transformer.name)
        return numbers.hasCondition && numbers.imageDim == nil
    }

    /// Whether a model with this transformer reads pictures through an encoder.
    static func needsImageEncoder(_ transformer: ModelFolder.AddedFile) throws(WeightError) -> Bool {
        try ModelFolder.decode(transformer.bytes, as: Transformer.self, file: transformer.name).imageDim != nil
    }

    /// The files of the folder by their paths.
    ///
    /// - Parameters:
    ///   - transformer: its configuration.
    ///   - tower: that of the image encoder; nil where there is none.
    static func files(
        transformer: ModelFolder.AddedFile, tower: ModelFolder.AddedFile?, hasTwoExperts: Bool
    ) throws(WeightError) -> [String: JSONText] {
        let numbers = try ModelFolder.decode(transformer.bytes, as: Transformer.self, file: transformer.name)
        guard numbers.hasCondition || numbers.inChannels == numbers.outChannels else {
            throw .derived(
                file: transformer.name, field: "in_channels", value: "\(numbers.inChannels)",
                rule: "\(numbers.outChannels) for words alone, or \(2 * numbers.outChannels + 4) for pictures")
        }
        var files = ["scheduler/scheduler_config.json": scheduler(numbers, hasTwoExperts)]
        var index: [(String, JSONText)] = [
            ("_class_name", .string(numbers.hasCondition ? "WanImageToVideoPipeline" : "WanPipeline")),
            ("transformer", component("diffusers", "WanTransformer3DModel")),
            ("vae", component("diffusers", "AutoencoderKLWan")),
            ("text_encoder", component("transformers", "UMT5EncoderModel")),
            ("tokenizer", component("transformers", "T5TokenizerFast")),
            ("scheduler", component("diffusers", "UniPCMultistepScheduler")),
            ("expand_timesteps", .bool(numbers.holdsFirstFrame)),
        ]
        if hasTwoExperts {
            index.append(("transformer_2", component("diffusers", "WanTransformer3DModel")))
            index.append(("boundary_ratio", .number(numbers.hasCondition ? 0.9 : 0.875)))
        }
        if let tower {
            let side = try ModelFolder.decode(tower.bytes, as: Tower.self, file: tower.name).imageSize
            index.append(("image_encoder", component("transformers", "CLIPVisionModel")))
            index.append(("image_processor", component("transformers", "CLIPImageProcessor")))
            files["image_processor/preprocessor_config.json"] = .object([
                ("size", .object([("shortest_edge", .integer(side))])),
                ("crop_size", .object([("width", .integer(side)), ("height", .integer(side))])),
            ])
        }
        files["model_index.json"] = .object(index)
        return files
    }

    private static func component(_ library: String, _ name: String) -> JSONText {
        .array([.string(library), .string(name)])
    }

    /// The authors' shift for the kind; models of the list have their own.
    private static func scheduler(_ numbers: Transformer, _ hasTwoExperts: Bool) -> JSONText {
        .object([
            ("_class_name", .string("UniPCMultistepScheduler")), ("num_train_timesteps", .integer(1000)),
            ("prediction_type", .string("flow_prediction")), ("use_flow_sigmas", .bool(true)),
            ("flow_shift", .integer(hasTwoExperts && !numbers.hasCondition ? 12 : 5)),
        ])
    }
}

import Compute
import Layers
import Models
import VideoTypes
import Weights

/// The parts of a Wan folder: configurations read and checked, weights opened but not yet in a backend.
struct WanComponents {
    let folder: ModelFolder
    let index: WanIndex
    let textEncoder: T5Config
    let transformer: WanTransformerConfig
    let transformer2: WanTransformerConfig?
    let vae: WanVAEConfig
    /// Nil where no tower reads the pictures.
    let imageEncoder: CLIPVisionConfig?
    let imageProcessor: CLIPProcessorConfig?
    let scheduler: FolderScheduler
    let stored: StoredWeights
    /// Numbers that the decoder reads of the autoencoder, and its encoder; nil where there are no files.
    private(set) var decoderParameters: Int?
    private(set) var encoderParameters: Int?

    private static let encoderKeys = [
        IgnoredKey("encoder.*", reason: "the encoder's"), IgnoredKey("quant_conv.*", reason: "the encoder's"),
    ]
    private static let decoderKeys = [
        IgnoredKey("decoder.*", reason: "the decoder's"), IgnoredKey("post_quant_conv.*", reason: "the decoder's"),
    ]
    private static let tiedKeys = [
        IgnoredKey("shared.weight", reason: "tied to encoder.embed_tokens.weight")
    ]

    /// Reads and checks everything that can be checked without computing: configurations, and each component's names,
    /// shapes and dtypes, by building it on a backend that holds nothing.
    ///
    /// - Parameter published: parameters of each component where there are only configurations, whose weights are taken
    ///   to be stored in 16 bits.
    init(_ folder: ModelFolder, published: [String: Int]? = nil) throws {
        self.folder = folder
        index = try WanIndex(folder)
        textEncoder = try Self.config(folder, "text_encoder/config.json", as: T5Config.self, T5Config.fields) {
            try $0.validate($1)
        }
        transformer = try Self.transformer(folder, "transformer")
        transformer2 = index.hasSecondTransformer ? try Self.transformer(folder, "transformer_2") : nil
        vae = try Self.config(folder, "vae/config.json", as: WanVAEConfig.self, WanVAEConfig.fields) {
            try $0.validate($1)
        }
        if transformer.imageDim != nil {
            let encoder = try Self.config(
                folder, "image_encoder/config.json", as: CLIPVisionConfig.self, CLIPVisionConfig.fields
            ) { try $0.validate($1) }
            imageEncoder = encoder
            imageProcessor = try Self.config(
                folder, "image_processor/preprocessor_config.json", as: CLIPProcessorConfig.self,
                CLIPProcessorConfig.fields
            ) { try $0.validate($1, side: encoder.imageSize) }
        } else {
            imageEncoder = nil
            imageProcessor = nil
        }
        scheduler = try FolderScheduler(folder)
        if let published {
            stored = StoredWeights(published: published)
            try checkAgreement()
            return
        }
        var keys = [
            "text_encoder": "encoder.final_layer_norm.weight", "transformer": "proj_out.weight",
            "vae": "decoder.conv_out.weight",
        ]
        if transformer2 != nil { keys["transformer_2"] = "proj_out.weight" }
        if imageEncoder != nil { keys["image_encoder"] = try Self.towerKey(folder) }
        stored = try StoredWeights(folder, keys)
        try checkAgreement()
        let nowhere = Device(backend: NullBackend(), dtype: .f32)
        _ = try makeTextEncoder(on: nowhere)
        _ = try makeTransformer(expert: 0, on: nowhere)
        if transformer2 != nil { _ = try makeTransformer(expert: 1, on: nowhere) }
        let (decoded, encoded) = (AskedTensors(), AskedTensors())
        _ = try makeDecoder(on: nowhere, telling: decoded)
        decoderParameters = decoded.parameters
        if !pictures.isNone { _ = try makeEncoder(on: nowhere, telling: encoded) }
        encoderParameters = encoded.parameters
        if imageEncoder != nil { _ = try makeImageEncoder(on: nowhere) }
    }

    /// - Parameter watch: told of every tensor, here and below.
    func makeTextEncoder(on device: Device, watch: Checkpoint.Watch? = nil) throws -> T5Encoder {
        let checkpoint = try Checkpoint(folder, "text_encoder", watch: watch)
        let encoder = try T5Encoder(checkpoint.root, textEncoder, on: device)
        try checkpoint.assertAllUsed(ignoring: Self.tiedKeys)
        return encoder
    }

    private static func transformerFolder(_ expert: Int) -> String { expert == 0 ? "transformer" : "transformer_2" }

    /// What LoRAs may change: the modules of a transformer, under the names of Diffusers and of the published code.
    func adapterTargets(expert: Int) throws -> AdapterTargets {
        let asked = AskedTensors()
        let nowhere = Device(backend: NullBackend(), dtype: .f32)
        let checkpoint = try Checkpoint(folder, Self.transformerFolder(expert))
        _ = try WanTransformer(checkpoint.root.telling(asked), transformer(expert: expert), on: nowhere)
        return AdapterTargets(asked.shapes) { KeyTable.wanTransformer.stored($0) }
    }

    /// The weights of an expert whose turn comes; nil where they would fill more than half of the machine's memory.
    func foreseenTransformer(expert: Int) -> Checkpoint? {
        guard let checkpoint = try? Checkpoint(folder, Self.transformerFolder(expert)) else { return nil }
        return MappedFile.mayFetch(checkpoint.byteCount) ? checkpoint : nil
    }

    /// - Parameter expert: 1 for the low-noise expert of a model with two.
    func transformer(expert: Int) -> WanTransformerConfig { expert == 0 ? transformer : transformer2 ?? transformer }

    /// - Parameter adapters: what LoRAs add to its weights.
    func makeTransformer(
        expert: Int, adapters: WeightDeltas = WeightDeltas(), on device: Device, watch: Checkpoint.Watch? = nil
    ) throws -> WanTransformer {
        let checkpoint = try Checkpoint(folder, Self.transformerFolder(expert), watch: watch)
        let model = try WanTransformer(
            checkpoint.root.adding(adapters, on: device.backend), transformer(expert: expert), on: device)
        try checkpoint.assertAllUsed()
        return model
    }

    func makeDecoder(
        on device: Device, watch: Checkpoint.Watch? = nil, telling asked: AskedTensors? = nil
    ) throws -> WanVAEDecoder {
        let checkpoint = try Checkpoint(folder, "vae", watch: watch)
        let decoder = try WanVAEDecoder(checkpoint.root.telling(asked), vae, on: device)
        try checkpoint.assertAllUsed(ignoring: Self.encoderKeys)
        return decoder
    }

    func makeEncoder(
        on device: Device, watch: Checkpoint.Watch? = nil, telling asked: AskedTensors? = nil
    ) throws -> WanVAEEncoder {
        let checkpoint = try Checkpoint(folder, "vae", watch: watch)
        let encoder = try WanVAEEncoder(checkpoint.root.telling(asked), vae, on: device)
        try checkpoint.assertAllUsed(ignoring: Self.decoderKeys)
        return encoder
    }

    /// The model must read pictures through one.
    func makeImageEncoder(on device: Device, watch: Checkpoint.Watch? = nil) throws -> CLIPVisionTower {
        guard let imageEncoder else { preconditionFailure("a model without an image encoder") }
        let checkpoint = try Checkpoint(folder, "image_encoder", watch: watch)
        let tower = try CLIPVisionTower(checkpoint.root, imageEncoder, on: device)
        try checkpoint.assertAllUsed(ignoring: CLIPVisionTower.ignored(imageEncoder))
        return tower
    }

    /// A tensor of the tower whose dtype and numbers stand for all.
    private static func towerKey(_ folder: ModelFolder) throws -> String {
        let key = "embeddings.class_embedding"
        return try Checkpoint(folder, "image_encoder").shape(of: key) == nil ? "vision_model.\(key)" : key
    }

    /// The pictures that clips are made from.
    var pictures: PictureNeeds {
        guard transformer.conditionChannels > 0 else {
            // The first latent frame is held: that takes no channels.
            guard index.expandTimesteps else { return .none }
            return index.needsPicture ? PictureNeeds(needed: [.first]) : PictureNeeds(taken: [.first])
        }
        guard imageEncoder != nil else { return PictureNeeds(needed: [.first], taken: [.last]) }
        return PictureNeeds(needed: transformer.posEmbedSeqLen == nil ? [.first] : [.first, .last])
    }

    private func checkPictures() throws {
        let fields = ConfigFields(file: folder.fullName("transformer/config.json"))
        let isHeld = index.expandTimesteps || !index.needsPicture
        let condition = isHeld ? 0 : vae.scaleFactorTemporal + vae.zDim
        try fields.oneOf(
            [transformer.outChannels + transformer.coordinateChannels + condition], transformer.inChannels,
            "in_channels")
        guard let imageDim = transformer.imageDim, let imageEncoder else { return }
        guard index.needsPicture, index.hasImageEncoder, !isHeld else {
            throw fields.failure("image_dim", imageDim, "null in a folder without an image encoder for every clip")
        }
        try fields.oneOf([imageEncoder.hiddenSize], imageDim, "image_dim")
        if let length = transformer.posEmbedSeqLen {
            try fields.oneOf([2 * imageEncoder.tokens], length, "pos_embed_seq_len")
        }
    }

    private func checkAgreement() throws {
        try checkPictures()
        let fields = ConfigFields(file: folder.fullName("transformer/config.json"))
        try fields.oneOf([vae.zDim], transformer.outChannels, "out_channels")
        try fields.oneOf([textEncoder.dModel], transformer.textDim, "text_dim")
        try fields.oneOf([1], transformer.patch.time, "patch_size[0]")
        if let second = transformer2 {
            let fields = ConfigFields(file: folder.fullName("transformer_2/config.json"))
            try fields.oneOf([transformer.outChannels], second.outChannels, "out_channels")
            try fields.oneOf([transformer.inChannels], second.inChannels, "in_channels")
            guard second.imageDim == transformer.imageDim, second.posEmbedSeqLen == transformer.posEmbedSeqLen else {
                throw fields.failure(
                    "image_dim", second.imageDim?.description ?? "null", "as in the first expert, with its tokens")
            }
            try fields.oneOf([transformer.textDim], second.textDim, "text_dim")
            try fields.oneOf([transformer.textLen], second.textLen, "text_len")
            guard second.patchSize == transformer.patchSize else {
                throw fields.failure(
                    "patch_size", "\(second.patchSize)", "\(transformer.patchSize) as in the first expert")
            }
        }
        try ConfigFields(file: folder.fullName("text_encoder/config.json"))
            .oneOf([index.textEncoderType], textEncoder.modelType, "model_type")
    }

    private static func transformer(_ folder: ModelFolder, _ component: String) throws -> WanTransformerConfig {
        try config(
            folder, "\(component)/config.json", as: WanTransformerConfig.self, WanTransformerConfig.fields
        ) { try $0.validate($1) }
    }

    private static func config<T: Decodable>(
        _ folder: ModelFolder, _ path: String, as type: T.Type, _ table: FieldTable,
        validate: (T, ConfigFields) throws -> Void
    ) throws -> T {
        let config = try folder.config(path, as: type, table)
        try validate(config, ConfigFields(file: folder.fullName(path)))
        return config
    }
}

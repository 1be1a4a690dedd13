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
    /// Numbers that the decoder reads of the autoencoder, and its encoder.
    private let decoderParameters: Int
    private let encoderParameters: Int

    private static let encoderKeys = [
        IgnoredKey("encoder.*", reason: "the encoder's"), IgnoredKey("quant_conv.*", reason: "the encoder's"),
    ]
    private static let decoderKeys = [
        IgnoredKey("decoder.*", reason: "the decoder's"), IgnoredKey("post_quant_conv.*", reason: "the decoder's"),
    ]

    /// Reads and checks everything that can be checked without computing: configurations, and each component's names,
    /// shapes and dtypes, by building it on a backend that holds nothing.
    ///
    /// - Parameter published: parameters of each component where there are only configurations, whose weights are taken
    ///   to be stored in 16 bits.
    init(_ folder: ModelFolder, published: [String: Int]? = nil) throws {
        self.folder = folder
        index = try WanIndex(folder)
        textEncoder = try folder.configuration("text_encoder/config.json", T5Config.fields) { try $0.validate($1) }
        transformer = try Self.transformer(folder, "transformer")
        transformer2 = index.hasSecondTransformer ? try Self.transformer(folder, "transformer_2") : nil
        vae = try folder.configuration("vae/config.json", WanVAEConfig.fields) { try $0.validate($1) }
        if transformer.imageDim != nil {
            let encoder: CLIPVisionConfig = try folder.configuration(
                "image_encoder/config.json", CLIPVisionConfig.fields
            ) { try $0.validate($1) }
            imageEncoder = encoder
            imageProcessor = try folder.configuration(
                "image_processor/preprocessor_config.json", CLIPProcessorConfig.fields
            ) { try $0.validate($1, side: encoder.imageSize) }
        } else {
            imageEncoder = nil
            imageProcessor = nil
        }
        scheduler = try FolderScheduler(folder)
        let (vae, nowhere) = (vae, ModelFolder.nowhere)
        decoderParameters = try WeightScope.parameters { _ = try WanVAEDecoder($0, vae, on: nowhere) }
        encoderParameters = try WeightScope.parameters { _ = try Self.encoder($0, vae, on: nowhere) }
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
        _ = try makeTextEncoder(on: nowhere)
        _ = try makeTransformer(expert: 0, on: nowhere)
        if transformer2 != nil { _ = try makeTransformer(expert: 1, on: nowhere) }
        _ = try makeDecoder(on: nowhere)
        if !pictures.isNone { _ = try makeEncoder(on: nowhere) }
        if imageEncoder != nil { _ = try makeImageEncoder(on: nowhere) }
    }

    /// - Parameter watch: told of every tensor, here and below.
    func makeTextEncoder(on device: Device, watch: Checkpoint.Watch? = nil) throws -> T5Encoder {
        try folder.textEncoder(textEncoder, on: device, watch: watch)
    }

    private static func transformerFolder(_ expert: Int) -> String { expert == 0 ? "transformer" : "transformer_2" }

    /// What LoRAs may change: the modules of a transformer, under the names of Diffusers and of the published code.
    func adapterTargets(expert: Int) throws -> AdapterTargets {
        try folder.adapterTargets(Self.transformerFolder(expert)) {
            try WanTransformer($0, transformer(expert: expert), on: $1)
        } otherName: {
            KeyTable.wanTransformer.stored($0)
        }
    }

    /// The weights of an expert whose turn comes; nil where they would fill more than half of the machine's memory.
    func foreseenTransformer(expert: Int) -> Checkpoint? {
        guard let checkpoint = try? Checkpoint(folder, Self.transformerFolder(expert)) else { return nil }
        return MappedFile.mayFetch(checkpoint.byteCount) ? checkpoint : nil
    }

    /// - Parameter expert: 1 for the low-noise expert of a model with two.
    func transformer(expert: Int) -> WanTransformerConfig { expert == 0 ? transformer : transformer2 ?? transformer }

    /// - Parameters:
    ///   - adapters: what LoRAs add to its weights.
    ///   - matrices: those that keep their own numbers; nil where they may be summed.
    func makeTransformer(
        expert: Int, adapters: WeightDeltas = WeightDeltas(), beside matrices: HeldMatrices? = nil, on device: Device,
        watch: Checkpoint.Watch? = nil
    ) throws -> WanTransformer {
        try folder.network(Self.transformerFolder(expert), watch: watch) {
            try WanTransformer(
                $0.adding(adapters, on: device.backend, beside: matrices), transformer(expert: expert), on: device)
        }
    }

    func makeDecoder(on device: Device, watch: Checkpoint.Watch? = nil) throws -> WanVAEDecoder {
        try folder.network("vae", ignoring: Self.encoderKeys, watch: watch) {
            try WanVAEDecoder($0, vae, on: device)
        }
    }

    func makeEncoder(on device: Device, watch: Checkpoint.Watch? = nil) throws -> any WanEncoder {
        try folder.network("vae", ignoring: Self.decoderKeys, watch: watch) {
            try Self.encoder($0, vae, on: device)
        }
    }

    static func encoder(_ w: WeightScope, _ config: WanVAEConfig, on device: Device) throws -> any WanEncoder {
        switch config.encoder {
        case .convolutional: try WanVAEEncoder(w, config, on: device)
        case .linear: try WanLinearEncoder(w, config, on: device)
        }
    }

    /// The model must read pictures through one.
    func makeImageEncoder(on device: Device, watch: Checkpoint.Watch? = nil) throws -> CLIPVisionTower {
        guard let imageEncoder else { preconditionFailure("a model without an image encoder") }
        return try folder.network("image_encoder", ignoring: CLIPVisionTower.ignored(imageEncoder), watch: watch) {
            try CLIPVisionTower($0, imageEncoder, on: device)
        }
    }

    func sizes(on device: DeviceProfile) -> NetworkSizes {
        let experts = [transformer] + (transformer2.map { [$0] } ?? [])
        return NetworkSizes(
            stored, text: (textEncoder.numLayers, textEncoder.blockParameters),
            experts: experts.enumerated().map { expert, config in
                (transformerComponent(expert), (config.numLayers, config.blockParameters))
            }, decoder: decoderParameters, encoder: encoderParameters, on: device)
    }

    /// What is published of two experts alike is said once.
    private func transformerComponent(_ expert: Int) -> String {
        let own = Self.transformerFolder(expert)
        return stored.parameters(own) > 0 ? own : Self.transformerFolder(0)
    }

    /// How the experts are stored is the files' own business: one may be quantised where the other is not.
    var hasQuantisedTransformer: Bool {
        (0..<(transformer2 == nil ? 1 : 2)).contains { stored.isQuantised(transformerComponent($0)) }
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
        try fields.agrees(
            with: "\(index.className) of model_index.json",
            transformer.outChannels + transformer.coordinateChannels + condition, transformer.inChannels, "in_channels")
        guard let imageDim = transformer.imageDim, let imageEncoder else { return }
        guard index.needsPicture, index.hasImageEncoder, !isHeld else {
            throw fields.failure("image_dim", imageDim, "null in a folder without an image encoder for every clip")
        }
        let tower = "image_encoder/config.json"
        try fields.agrees(with: tower, imageEncoder.hiddenSize, imageDim, "image_dim")
        if let length = transformer.posEmbedSeqLen {
            try fields.agrees(with: tower, 2 * imageEncoder.tokens, length, "pos_embed_seq_len")
        }
    }

    private func checkAgreement() throws {
        try checkPictures()
        let fields = ConfigFields(file: folder.fullName("transformer/config.json"))
        try fields.agrees(with: "vae/config.json", vae.zDim, transformer.outChannels, "out_channels")
        try fields.agrees(with: "text_encoder/config.json", textEncoder.dModel, transformer.textDim, "text_dim")
        try fields.oneOf([1], transformer.patch.time, "patch_size[0]")
        if let second = transformer2 {
            let fields = ConfigFields(file: folder.fullName("transformer_2/config.json"))
            let first = "transformer/config.json"
            try fields.agrees(with: first, transformer.outChannels, second.outChannels, "out_channels")
            try fields.agrees(with: first, transformer.inChannels, second.inChannels, "in_channels")
            guard second.imageDim == transformer.imageDim, second.posEmbedSeqLen == transformer.posEmbedSeqLen else {
                throw fields.failure(
                    "image_dim", second.imageDim?.description ?? "null", "as in the first expert, with its tokens")
            }
            try fields.agrees(with: first, transformer.textDim, second.textDim, "text_dim")
            try fields.agrees(with: first, transformer.textLen, second.textLen, "text_len")
            guard second.patchSize == transformer.patchSize else {
                throw fields.failure(
                    "patch_size", "\(second.patchSize)", "\(transformer.patchSize) as in the first expert")
            }
        }
        try ConfigFields(file: folder.fullName("text_encoder/config.json"))
            .agrees(with: "model_index.json", index.textEncoderType, textEncoder.modelType, "model_type")
    }

    private static func transformer(_ folder: ModelFolder, _ component: String) throws -> WanTransformerConfig {
        try folder.configuration("\(component)/config.json", WanTransformerConfig.fields) { try $0.validate($1) }
    }
}

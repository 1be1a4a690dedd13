import Compute
import Layers
import Models
import Weights

/// The parts of a CogVideoX folder: configurations read and checked, weights opened but not yet in a backend.
struct CogVideoXComponents {
    let folder: ModelFolder
    let index: CogVideoXIndex
    let textEncoder: T5Config
    let transformer: CogVideoXTransformerConfig
    let vae: CogVideoXVAEConfig
    let scheduler: CogVideoXScheduler
    let stored: StoredWeights
    /// Numbers that the decoder reads of the autoencoder, and its encoder; nil where there are no files.
    private(set) var decoderParameters: Int?
    private(set) var encoderParameters: Int?

    private static let encoderKeys = [IgnoredKey("encoder.*", reason: "only pictures are encoded")]
    private static let decoderKeys = [IgnoredKey("decoder.*", reason: "the decoder is loaded by itself")]
    private static let tiedKeys = [
        IgnoredKey("shared.weight", reason: "tied to encoder.embed_tokens.weight")
    ]

    /// Reads and checks everything that can be checked without computing, by building each network on a backend that
    /// holds nothing.
    ///
    /// - Parameter published: parameters of each component where there are only configurations.
    init(_ folder: ModelFolder, published: [String: Int]?) throws {
        self.folder = folder
        index = try CogVideoXIndex(folder)
        textEncoder = try Self.config(folder, "text_encoder", T5Config.fields) { try $0.validate($1) }
        transformer = try Self.config(folder, "transformer", CogVideoXTransformerConfig.fields) {
            try $0.validate($1)
        }
        vae = try Self.config(folder, "vae", CogVideoXVAEConfig.fields) { try $0.validate($1) }
        scheduler = try CogVideoXScheduler(folder)
        if let published {
            stored = StoredWeights(published: published)
            try checkAgreement()
            return
        }
        stored = try StoredWeights(
            folder,
            [
                "text_encoder": "encoder.final_layer_norm.weight", "transformer": "proj_out.weight",
                "vae": "decoder.conv_out.conv.weight",
            ])
        try checkAgreement()
        let nowhere = Device(backend: NullBackend(), dtype: .f32)
        _ = try makeTextEncoder(on: nowhere)
        _ = try makeTransformer(on: nowhere)
        let (decoded, encoded) = (AskedTensors(), AskedTensors())
        _ = try makeDecoder(on: nowhere, telling: decoded)
        decoderParameters = decoded.parameters
        if index.takesPicture { _ = try makeEncoder(on: nowhere, telling: encoded) }
        encoderParameters = encoded.parameters
    }

    /// - Parameter watch: told of every tensor, here and below.
    func makeTextEncoder(on device: Device, watch: Checkpoint.Watch? = nil) throws -> T5Encoder {
        let checkpoint = try Checkpoint(folder, "text_encoder", watch: watch)
        let encoder = try T5Encoder(checkpoint.root, textEncoder, on: device)
        try checkpoint.assertAllUsed(ignoring: Self.tiedKeys)
        return encoder
    }

    /// What LoRAs may change: the modules of the transformer, under the names of Diffusers.
    func adapterTargets() throws -> AdapterTargets {
        let asked = AskedTensors()
        let nowhere = Device(backend: NullBackend(), dtype: .f32)
        _ = try CogVideoXTransformer(Checkpoint(folder, "transformer").root.telling(asked), transformer, on: nowhere)
        return AdapterTargets(asked.shapes) { _ in nil }
    }

    /// - Parameter adapters: what LoRAs add to its weights.
    func makeTransformer(
        adapters: WeightDeltas = WeightDeltas(), on device: Device, watch: Checkpoint.Watch? = nil
    ) throws -> CogVideoXTransformer {
        let checkpoint = try Checkpoint(folder, "transformer", watch: watch)
        let model = try CogVideoXTransformer(
            checkpoint.root.adding(adapters, on: device.backend), transformer, on: device)
        try checkpoint.assertAllUsed()
        return model
    }

    func makeDecoder(
        on device: Device, watch: Checkpoint.Watch? = nil, telling asked: AskedTensors? = nil
    ) throws -> CogVideoXVAEDecoder {
        let checkpoint = try Checkpoint(folder, "vae", watch: watch)
        let decoder = try CogVideoXVAEDecoder(checkpoint.root.telling(asked), vae, on: device)
        try checkpoint.assertAllUsed(ignoring: Self.encoderKeys)
        return decoder
    }

    func makeEncoder(
        on device: Device, watch: Checkpoint.Watch? = nil, telling asked: AskedTensors? = nil
    ) throws -> CogVideoXVAEEncoder {
        let checkpoint = try Checkpoint(folder, "vae", watch: watch)
        let encoder = try CogVideoXVAEEncoder(checkpoint.root.telling(asked), vae, on: device)
        try checkpoint.assertAllUsed(ignoring: Self.decoderKeys)
        return encoder
    }

    private func checkAgreement() throws {
        let fields = ConfigFields(file: folder.fullName("transformer/config.json"))
        try fields.oneOf([vae.latentChannels], transformer.outChannels, "out_channels")
        try fields.oneOf([(index.takesPicture ? 2 : 1) * vae.latentChannels], transformer.inChannels, "in_channels")
        try fields.oneOf([textEncoder.dModel], transformer.textEmbedDim, "text_embed_dim")
        try fields.oneOf([vae.temporalFactor], transformer.temporalCompressionRatio, "temporal_compression_ratio")
        guard index.takesPicture || transformer.ofsEmbedDim == 0 else {
            throw fields.failure("ofs_embed_dim", transformer.ofsEmbedDim, "null without a picture")
        }
        try ConfigFields(file: folder.fullName("text_encoder/config.json"))
            .oneOf(["t5"], textEncoder.modelType, "model_type")
    }

    private static func config<T: Decodable>(
        _ folder: ModelFolder, _ component: String, _ table: FieldTable, validate: (T, ConfigFields) throws -> Void
    ) throws -> T {
        let path = "\(component)/config.json"
        let config = try folder.config(path, as: T.self, table)
        try validate(config, ConfigFields(file: folder.fullName(path)))
        return config
    }
}

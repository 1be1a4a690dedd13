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
    /// Numbers that the decoder reads of the autoencoder, and its encoder.
    private let decoderParameters: Int
    private let encoderParameters: Int

    private static let encoderKeys = [IgnoredKey("encoder.*", reason: "only pictures are encoded")]
    private static let decoderKeys = [IgnoredKey("decoder.*", reason: "the decoder is loaded by itself")]

    /// Reads and checks everything that can be checked without computing, by building each network on a backend that
    /// holds nothing.
    ///
    /// - Parameter published: parameters of each component where there are only configurations.
    init(_ folder: ModelFolder, published: [String: Int]?) throws {
        self.folder = folder
        index = try CogVideoXIndex(folder)
        textEncoder = try folder.configuration("text_encoder/config.json", T5Config.fields) { try $0.validate($1) }
        transformer = try folder.configuration("transformer/config.json", CogVideoXTransformerConfig.fields) {
            try $0.validate($1)
        }
        vae = try folder.configuration("vae/config.json", CogVideoXVAEConfig.fields) { try $0.validate($1) }
        scheduler = try CogVideoXScheduler(folder)
        let (vae, nowhere) = (vae, ModelFolder.nowhere)
        decoderParameters = try WeightScope.parameters { _ = try CogVideoXVAEDecoder($0, vae, on: nowhere) }
        encoderParameters = try WeightScope.parameters { _ = try CogVideoXVAEEncoder($0, vae, on: nowhere) }
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
        _ = try makeTextEncoder(on: nowhere)
        _ = try makeTransformer(on: nowhere)
        _ = try makeDecoder(on: nowhere)
        if index.takesPicture { _ = try makeEncoder(on: nowhere) }
    }

    /// - Parameter watch: told of every tensor, here and below.
    func makeTextEncoder(on device: Device, watch: Checkpoint.Watch? = nil) throws -> T5Encoder {
        try folder.textEncoder(textEncoder, on: device, watch: watch)
    }

    /// What LoRAs may change: the modules of the transformer, under the names of Diffusers.
    func adapterTargets() throws -> AdapterTargets {
        try folder.adapterTargets("transformer") { try CogVideoXTransformer($0, transformer, on: $1) }
    }

    /// - Parameters:
    ///   - adapters: what LoRAs add to its weights.
    ///   - matrices: those that keep their own numbers; nil where they may be summed.
    func makeTransformer(
        adapters: WeightDeltas = WeightDeltas(), beside matrices: HeldMatrices? = nil, on device: Device,
        watch: Checkpoint.Watch? = nil
    ) throws -> CogVideoXTransformer {
        try folder.network("transformer", watch: watch) {
            try CogVideoXTransformer(
                $0.adding(adapters, on: device.backend, beside: matrices), transformer, on: device)
        }
    }

    func makeDecoder(on device: Device, watch: Checkpoint.Watch? = nil) throws -> CogVideoXVAEDecoder {
        try folder.network("vae", ignoring: Self.encoderKeys, watch: watch) {
            try CogVideoXVAEDecoder($0, vae, on: device)
        }
    }

    func makeEncoder(on device: Device, watch: Checkpoint.Watch? = nil) throws -> CogVideoXVAEEncoder {
        try folder.network("vae", ignoring: Self.decoderKeys, watch: watch) {
            try CogVideoXVAEEncoder($0, vae, on: device)
        }
    }

    func sizes(on device: DeviceProfile) -> NetworkSizes {
        NetworkSizes(
            stored, text: (textEncoder.numLayers, textEncoder.blockParameters),
            experts: [("transformer", (transformer.numLayers, transformer.blockParameters))],
            decoder: decoderParameters, encoder: encoderParameters, on: device)
    }

    private func checkAgreement() throws {
        let fields = ConfigFields(file: folder.fullName("transformer/config.json"))
        let (decoder, text) = ("vae/config.json", "text_encoder/config.json")
        let pipeline = index.takesPicture ? CogVideoXIndex.pictureClassName : CogVideoXIndex.className
        try fields.agrees(with: decoder, vae.latentChannels, transformer.outChannels, "out_channels")
        try fields.agrees(
            with: "\(pipeline) of model_index.json", (index.takesPicture ? 2 : 1) * vae.latentChannels,
            transformer.inChannels, "in_channels")
        try fields.agrees(with: text, textEncoder.dModel, transformer.textEmbedDim, "text_embed_dim")
        try fields.agrees(
            with: decoder, vae.temporalFactor, transformer.temporalCompressionRatio, "temporal_compression_ratio")
        guard index.takesPicture || transformer.ofsEmbedDim == 0 else {
            throw fields.failure("ofs_embed_dim", transformer.ofsEmbedDim, "null without a picture")
        }
        try ConfigFields(file: folder.fullName("text_encoder/config.json"))
            .oneOf(["t5"], textEncoder.modelType, "model_type")
    }
}

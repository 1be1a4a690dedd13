package import Compute
import Layers
import Models
import Sampling
import Tokenizers
package import VideoTypes
package import Weights

/// Text to video with a Wan model: text, noise, denoising, decoding, each stage's weights released before the next.
package final class WanPipeline {
    private let components: WanComponents
    private let tokenizer: Tokenizer
    private let device: Device

    /// Opens a folder in the Diffusers layout and checks it completely, without loading weights.
    ///
    /// - Parameter dtype: of activations; nil takes bf16 where the transformer is stored in 16 bits and the backend is
    ///   faster with it, else f32.
    package init(_ folder: ModelFolder, backend: any Backend, dtype: DType?) throws(VideoError) {
        do {
            components = try WanComponents(folder)
            tokenizer = try Self.tokenizer(folder)
            let automatic: DType = backend.prefersBF16 && components.transformerDType != .f32 ? .bf16 : .f32
            device = Device(backend: backend, dtype: dtype ?? automatic)
        } catch {
            throw VideoError(room: error)
        }
    }

    package var dtype: DType { device.dtype }

    /// The folder's own scheduler, for models that the manifest does not know.
    package var folderScheduler: (scheduler: Scheduler, flowShift: Double) {
        (
            components.scheduler.kind.flatMap { Scheduler(rawValue: $0.rawValue) } ?? .unipc,
            components.scheduler.ownShift
        )
    }

    /// Whether a second expert serves the low noise levels.
    package var hasTwoExperts: Bool { components.transformer2 != nil }

    /// Checks settings against what this model can make.
    package func validate(_ settings: VideoSettings) throws(VideoError) {
        let vae = components.vae
        let patch = components.transformer.patch
        try Self.checkMultiple("width", settings.width, vae.scaleFactorSpatial * patch.width)
        try Self.checkMultiple("height", settings.height, vae.scaleFactorSpatial * patch.height)
        let factor = vae.scaleFactorTemporal
        guard settings.frames % factor == 1 % factor else {
            let lower = (settings.frames - 1) / factor * factor + 1
            throw .invalid(
                "frames must be \(factor)k + 1, got \(settings.frames)", hint: "use \(lower) or \(lower + factor)")
        }
        let shape = latentShape(settings)
        let limit = components.transformer.ropeMaxSeqLen
        for (name, extent) in [
            ("frames", shape[1]), ("height", shape[2] / patch.height), ("width", shape[3] / patch.width),
        ]
        where extent > limit {
            throw .invalid("\(name) gives \(extent) positions, the model knows \(limit)", hint: "make it smaller")
        }
        try checkMemory(settings)
    }

    private func checkMemory(_ settings: VideoSettings) throws(VideoError) {
        guard let available = device.backend.memoryBytes else { return }
        let need = memoryEstimate(settings).peak
        guard need > available else { return }
        let clip = "\(settings.width) x \(settings.height) in \(settings.frames) frames"
        throw VideoError(
            .outOfMemory,
            "\(clip) needs about \(gigabytes(need)) GB, \(device.backend.name) has \(gigabytes(available))",
            hint: memoryHint(settings, available: available))
    }

    /// What would fit.
    private func memoryHint(_ settings: VideoSettings, available: Int) -> String {
        let weights = components.weights(on: device).largest
        guard weights < available else {
            return "the weights alone take \(gigabytes(weights)) GB: use a smaller model or --device cpu"
        }
        var tiled = settings
        tiled.tilesVAE = true
        if memoryEstimate(tiled).peak <= available { return "--vae-tiling makes it fit" }
        let fitting = FittingSize(
            frameStep: components.vae.scaleFactorTemporal,
            widthStep: components.vae.scaleFactorSpatial * components.transformer.patch.width,
            heightStep: components.vae.scaleFactorSpatial * components.transformer.patch.height
        ) { self.memoryEstimate($0).peak <= available }
        return fitting.hint(below: settings) ?? "use a smaller model or --device cpu"
    }

    func memoryEstimate(_ settings: VideoSettings) -> MemoryEstimate {
        MemoryEstimate(
            latents: latentShape(settings), transformer: components.transformer, vae: components.vae,
            dtype: device.dtype, weights: components.weights(on: device),
            tile: settings.tilesVAE ? 256 / components.vae.scaleFactorSpatial : nil)
    }

    private func gigabytes(_ bytes: Int) -> String {
        let tenths = (bytes + 50_000_000) / 100_000_000
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// Makes a clip; `settings` must have passed `validate`.
    ///
    /// - Parameters:
    ///   - report: told of every step; answers whether to go on.
    ///   - dump: receives every intermediate result, for comparison with a reference.
    ///   - emit: receives the frames in order, as the decoder yields them.
    package func generate(
        _ settings: VideoSettings, report: @escaping (VideoProgress) -> Bool, dump: TensorDump?,
        emit: (Frame) throws -> Void
    ) throws(VideoError) {
        do {
            let progress = ProgressReporter(report)
            let texts = try encodeTexts(settings, progress, dump)
            let latents = try denoise(settings, texts, progress, dump)
            try progress.begin(.load, total: 1)
            let decoder = try components.makeDecoder(on: device)
            try DecodeStage(decoder: decoder, backend: device.backend, progress: progress, dump: dump)
                .run(latents, tiled: settings.tilesVAE, emit: emit)
        } catch {
            throw VideoError(room: error)
        }
    }

    private func encodeTexts(
        _ settings: VideoSettings, _ progress: ProgressReporter, _ dump: TensorDump?
    ) throws -> TextStage.Embeddings {
        try progress.begin(.load, total: 1)
        let encoder = try components.makeTextEncoder(on: device)
        let stage = TextStage(
            tokenizer: tokenizer, encoder: encoder, vocabulary: components.textEncoder.vocabSize,
            length: components.transformer.textLen, backend: device.backend, dump: dump)
        try progress.begin(.text, total: 1)
        let texts = try stage.encode(
            settings.prompt, negative: Guidance.isNeeded(Float(settings.guidanceScale)) ? settings.negativePrompt : nil)
        try progress.advance()
        return texts
    }

    private func denoise(
        _ settings: VideoSettings, _ texts: TextStage.Embeddings, _ progress: ProgressReporter, _ dump: TensorDump?
    ) throws -> Tensor {
        let shape = latentShape(settings)
        var random = TorchRandomSource(seed: settings.seed)
        let noise = random.normals(shape.count)
        dump?.record("rng.000", [1] + shape.dims, noise)
        dump?.record("noise.initial", [1] + shape.dims, noise)
        let latents = try device.backend.upload(noise, shape)
        let stage = DenoiseStage(
            components: components, device: device, settings: settings, progress: progress, dump: dump)
        try stage.run(latents, texts)
        return latents
    }

    private func latentShape(_ settings: VideoSettings) -> Shape {
        let vae = components.vae
        return [
            vae.zDim, (settings.frames - 1) / vae.scaleFactorTemporal + 1, settings.height / vae.scaleFactorSpatial,
            settings.width / vae.scaleFactorSpatial,
        ]
    }

    private static func tokenizer(_ folder: ModelFolder) throws -> Tokenizer {
        if folder.exists("tokenizer/tokenizer.json") {
            return try folder.bytes("tokenizer/tokenizer.json").withBytes { try Tokenizer(json: $0) }
        }
        let model = try folder.bytes("tokenizer/spiece.model")
        guard folder.exists("tokenizer/tokenizer_config.json") else {
            return try model.withBytes { try Tokenizer(sentencePiece: $0) }
        }
        let configuration = try folder.bytes("tokenizer/tokenizer_config.json")
        return try configuration.withBytes { configuration in
            try model.withBytes { try Tokenizer(sentencePiece: $0, configuration: configuration) }
        }
    }

    private static func checkMultiple(_ name: String, _ value: Int, _ multiple: Int) throws(VideoError) {
        guard value % multiple != 0 else { return }
        let lower = value / multiple * multiple
        throw .invalid(
            "\(name) must be a multiple of \(multiple) for this model, got \(value)",
            hint: lower > 0 ? "use \(lower) or \(lower + multiple)" : "use \(multiple)")
    }
}

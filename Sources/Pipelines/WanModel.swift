package import Compute
import Models
import Sampling
import Tokenizers
package import VideoTypes
package import Weights

/// An opened Wan model: all that is known of it without a device.
package struct WanModel: Sendable {
    let components: WanComponents
    /// Nil where there are only configurations, to plan with.
    let tokenizer: Tokenizer?

    /// Opens a folder in the Diffusers layout and checks it completely, without loading weights.
    package init(_ folder: ModelFolder) throws(VideoError) {
        do {
            components = try WanComponents(folder)
            tokenizer = try Self.tokenizer(folder)
        } catch {
            throw VideoError(reporting: error)
        }
    }

    /// A published model of which there is nothing here but what its configurations say: enough to plan with.
    package init(published folder: ModelFolder, parameters: [String: Int]) throws(VideoError) {
        do {
            components = try WanComponents(folder, published: parameters)
            tokenizer = nil
        } catch {
            throw VideoError(reporting: error)
        }
    }

    /// The folder's own scheduler; an error where it asks for what is not done here.
    package func folderScheduler() throws(VideoError) -> Scheduler {
        switch components.scheduler.own {
        case .success(let scheduler): return scheduler
        case .failure(let refusal):
            throw VideoError(
                .weightsInvalid, Wording(plain: refusal.message), field: .scheduler,
                remedies: [
                    refusal.hint, "or name one that takes its place in a clip: \(.scheduler, "unipc"), euler or dpm++",
                ])
        }
    }

    /// The shift of the folder's scheduler, for models that the manifest does not know.
    package var folderShift: Double { components.scheduler.shift }

    /// Whether a second expert serves the low noise levels.
    package var hasTwoExperts: Bool { components.transformer2 != nil }

    /// Tells the weights of one training from those of another.
    package var fingerprint: String { components.fingerprint }

    /// The dtype of activations where nobody asks for one: bf16 where the transformer is stored in 16 bits and the
    /// device is faster with it, else f32.
    package func dtype(prefersBF16: @autoclosure () -> Bool) -> DType {
        components.transformerDType != .f32 && prefersBF16() ? .bf16 : .f32
    }

    /// Tokens that `text` is for the model, the closing one included; as many as it reads where nobody can count words.
    package func tokenCount(_ text: String) -> Int {
        let text = PromptCleaning.clean(text)
        return tokenizer?.encode(text).count ?? (text.isEmpty ? 1 : tokenLimit)
    }

    /// How many of a text's tokens the model reads.
    package var tokenLimit: Int { components.transformer.textLen }

    package var grid: ClipGrid {
        let vae = components.vae
        let transformer = components.transformer
        let limit = transformer.ropeMaxSeqLen
        let (widthStep, heightStep) = (
            vae.scaleFactorSpatial * transformer.patch.width, vae.scaleFactorSpatial * transformer.patch.height
        )
        return ClipGrid(
            widthStep: widthStep, heightStep: heightStep, frameStep: vae.scaleFactorTemporal,
            maxWidth: limit * widthStep, maxHeight: limit * heightStep,
            maxFrames: (limit - 1) * vae.scaleFactorTemporal + 1)
    }

    /// Checks settings against what this model can make.
    package func validate(_ settings: VideoSettings) throws(VideoError) {
        let grid = grid
        let (width, height, frames) = (settings.clip.width, settings.clip.height, settings.clip.frames)
        for (name, value, step) in [(Term.width, width, grid.widthStep), (.height, height, grid.heightStep)]
        where value % step != 0 {
            throw .invalid(
                "\(name) must be a multiple of \(step) for this model, got \(value)", field: name,
                hint: "use \(grid.sizes(around: width, height))")
        }
        let factor = grid.frameStep
        guard frames % factor == 1 % factor else {
            let lower = (frames - 1) / factor * factor + 1
            throw .invalid(
                "\(.frames) must be \(factor)k + 1, got \(frames)", field: .frames,
                hint: "use \(lower) or \(lower + factor)")
        }
        let shape = latentShape(settings)
        let patch = components.transformer.patch
        let limit = components.transformer.ropeMaxSeqLen
        for (name, extent) in [
            (Term.frames, shape[1]), (.height, shape[2] / patch.height), (.width, shape[3] / patch.width),
        ]
        where extent > limit {
            throw .invalid(
                "\(name) gives \(extent) positions, the model knows \(limit)", field: name, hint: "make it smaller")
        }
    }

    /// Checks that the clip fits where it is to be made; says what would fit if it does not.
    package func checkMemory(_ settings: VideoSettings, on device: DeviceProfile) throws(VideoError) {
        guard let available = device.memoryBytes else { return }
        let need = memoryEstimate(settings, on: device).peak
        guard need > available else { return }
        let clip = "\(settings.clip.width) x \(settings.clip.height) in \(settings.clip.frames) frames"
        throw VideoError(
            .outOfMemory,
            "\(clip) needs about \(gigabytes(need)) GB, \(device.name) has \(gigabytes(available))",
            field: .size, remedies: memoryRemedies(settings, on: device, available: available))
    }

    /// What would fit.
    private func memoryRemedies(_ settings: VideoSettings, on device: DeviceProfile, available: Int) -> [Wording] {
        let elsewhere: [Wording] = ["use a smaller model", "or \(.device, "cpu")"]
        let weights = components.weights(dtype: device.dtype, copies: device.copiesWeights).largest
        guard weights < available else {
            return ["the weights alone take \(gigabytes(weights)) GB"] + elsewhere
        }
        var tiled = settings
        tiled.tilesVAE = true
        if memoryEstimate(tiled, on: device).peak <= available { return ["\(.tilesVAE, "true") makes it fit"] }
        let grid = grid
        let fitting = FittingSize(
            frameStep: grid.frameStep, widthStep: grid.widthStep, heightStep: grid.heightStep
        ) { memoryEstimate($0, on: device).peak <= available }
        return fitting.hint(below: settings).map { [$0] } ?? elsewhere
    }

    func memoryEstimate(_ settings: VideoSettings, on device: DeviceProfile) -> MemoryEstimate {
        MemoryEstimate(
            latents: latentShape(settings), transformer: components.transformer, vae: components.vae,
            dtype: device.dtype, weights: components.weights(dtype: device.dtype, copies: device.copiesWeights),
            tile: settings.tilesVAE ? 256 / components.vae.scaleFactorSpatial : nil)
    }

    private func gigabytes(_ bytes: Int) -> String {
        let tenths = (bytes + 50_000_000) / 100_000_000
        return "\(tenths / 10).\(tenths % 10)"
    }

    /// `[C, T, H, W]`.
    func latentShape(_ settings: VideoSettings) -> Shape {
        let (vae, clip) = (components.vae, settings.clip)
        return [
            vae.zDim, (clip.frames - 1) / vae.scaleFactorTemporal + 1, clip.height / vae.scaleFactorSpatial,
            clip.width / vae.scaleFactorSpatial,
        ]
    }

    /// `tokenizer.json` is the truth; beside it these turn or cut texts otherwise, or are words for special tokens.
    private static let tokenizerFields = FieldTable(
        read: ["extra_ids"],
        harmless: [
            "add_bos_token", "add_eos_token", "add_prefix_space", "added_tokens_decoder", "additional_special_tokens",
            "backend", "bos_token", "chat_template", "clean_up_tokenization_spaces", "cls_token", "eos_token",
            "extra_special_tokens", "is_local", "legacy", "mask_token", "max_length", "model_input_names",
            "model_max_length", "model_specific_special_tokens", "name_or_path", "pad_to_multiple_of", "pad_token",
            "pad_token_type_id", "processor_class", "return_token_type_ids", "sep_token", "sp_model_kwargs",
            "spaces_between_special_tokens", "special_tokens_map_file", "split_special_tokens", "stride",
            "tokenizer_class", "tokenizer_file", "truncation_strategy", "unk_token", "use_fast", "vocab_file",
        ],
        fixed: ["padding_side": ["right"], "truncation_side": ["right"], "do_lower_case": [false]])

    private static func tokenizer(_ folder: ModelFolder) throws -> Tokenizer {
        let config = "tokenizer/tokenizer_config.json"
        let hasConfig = folder.exists(config)
        if hasConfig, let failure = try folder.failure(config, tokenizerFields) { throw failure }
        if folder.exists("tokenizer/tokenizer.json") {
            return try folder.bytes("tokenizer/tokenizer.json").withBytes { try Tokenizer(json: $0) }
        }
        let model = try folder.bytes("tokenizer/spiece.model")
        guard hasConfig else { return try model.withBytes { try Tokenizer(sentencePiece: $0) } }
        return try folder.bytes(config).withBytes { config in
            try model.withBytes { try Tokenizer(sentencePiece: $0, configuration: config) }
        }
    }
}

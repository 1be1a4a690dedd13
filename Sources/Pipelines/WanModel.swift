package import Compute
import Models
import Sampling
import Tokenizers
package import VideoTypes
package import Weights

/// An opened Wan model: all that is known of it without a device.
package struct WanModel: Sendable {
    let components: WanComponents
    let tokenizer: Tokenizer

    /// Opens a folder in the Diffusers layout and checks it completely, without loading weights.
    package init(_ folder: ModelFolder) throws(VideoError) {
        do {
            components = try WanComponents(folder)
            tokenizer = try Self.tokenizer(folder)
        } catch {
            throw VideoError(room: error)
        }
    }

    /// The folder's own scheduler, for models that the manifest does not know.
    package var folderScheduler: (scheduler: Scheduler, flowShift: Double) {
        (
            components.scheduler.kind.flatMap { Scheduler(rawValue: $0.rawValue) } ?? .unipc,
            components.scheduler.ownShift
        )
    }

    /// Whether a second expert serves the low noise levels.
    package var hasTwoExperts: Bool { components.transformer2 != nil }

    /// Tells the weights of one training from those of another.
    package var fingerprint: String { components.fingerprint }

    /// The dtype of activations where nobody asks for one: bf16 where the transformer is stored in 16 bits and the
    /// device is faster with it, else f32.
    package func dtype(prefersBF16: @autoclosure () -> Bool) -> DType {
        components.transformerDType != .f32 && prefersBF16() ? .bf16 : .f32
    }

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
        let (width, height) = (settings.width, settings.height)
        for (name, value, step) in [("width", width, grid.widthStep), ("height", height, grid.heightStep)]
        where value % step != 0 {
            throw .invalid(
                "\(name) must be a multiple of \(step) for this model, got \(value)",
                hint: "use \(grid.sizes(around: width, height))")
        }
        let factor = grid.frameStep
        guard settings.frames % factor == 1 % factor else {
            let lower = (settings.frames - 1) / factor * factor + 1
            throw .invalid(
                "frames must be \(factor)k + 1, got \(settings.frames)", hint: "use \(lower) or \(lower + factor)")
        }
        let shape = latentShape(settings)
        let patch = components.transformer.patch
        let limit = components.transformer.ropeMaxSeqLen
        for (name, extent) in [
            ("frames", shape[1]), ("height", shape[2] / patch.height), ("width", shape[3] / patch.width),
        ]
        where extent > limit {
            throw .invalid("\(name) gives \(extent) positions, the model knows \(limit)", hint: "make it smaller")
        }
    }

    /// Checks that the clip fits where it is to be made; says what would fit if it does not.
    package func checkMemory(_ settings: VideoSettings, on device: DeviceProfile) throws(VideoError) {
        guard let available = device.memoryBytes else { return }
        let need = memoryEstimate(settings, on: device).peak
        guard need > available else { return }
        let clip = "\(settings.width) x \(settings.height) in \(settings.frames) frames"
        throw VideoError(
            .outOfMemory,
            "\(clip) needs about \(gigabytes(need)) GB, \(device.name) has \(gigabytes(available))",
            hint: memoryHint(settings, on: device, available: available))
    }

    /// What would fit.
    private func memoryHint(_ settings: VideoSettings, on device: DeviceProfile, available: Int) -> String {
        let weights = components.weights(dtype: device.dtype, copies: device.copiesWeights).largest
        guard weights < available else {
            return "the weights alone take \(gigabytes(weights)) GB: use a smaller model or --device cpu"
        }
        var tiled = settings
        tiled.tilesVAE = true
        if memoryEstimate(tiled, on: device).peak <= available { return "--vae-tiling makes it fit" }
        let grid = grid
        let fitting = FittingSize(
            frameStep: grid.frameStep, widthStep: grid.widthStep, heightStep: grid.heightStep
        ) { memoryEstimate($0, on: device).peak <= available }
        return fitting.hint(below: settings) ?? "use a smaller model or --device cpu"
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
}

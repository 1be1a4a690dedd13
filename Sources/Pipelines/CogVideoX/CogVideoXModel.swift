import Compute
import Layers
import Models
import Sampling
import Tokenizers
import VideoTypes
import Weights

/// An opened CogVideoX model.
struct CogVideoXModel: VideoModel {
    let components: CogVideoXComponents
    /// Nil where there are only configurations, to plan with.
    let tokenizer: Tokenizer?

    /// Opens a folder and checks it completely, without loading weights.
    ///
    /// - Parameter published: parameters of each component where there are only configurations.
    init(_ folder: ModelFolder, published: [String: Int]? = nil) throws {
        components = try CogVideoXComponents(folder, published: published)
        tokenizer = published == nil ? try Tokenizer(folder) : nil
    }

    func folderScheduler() throws(VideoError) -> Scheduler { try components.scheduler.named() }

    /// A diffusion has none.
    var folderShift: Double? { nil }

    var hasTwoExperts: Bool { false }

    var drawsSketches: Bool { false }
    var fingerprint: String { components.stored.fingerprint }

    var isStoredIn16Bits: Bool { components.stored.dtype("transformer") != .f32 }

    var pictures: PictureNeeds {
        components.index.takesPicture ? PictureNeeds(needed: [.first]) : .none
    }

    /// The encoder has no mask: padding is read as text.
    var preparation: TextPreparation {
        TextPreparation(isCleaned: false, length: components.transformer.maxTextSeqLength, readsPadding: true)
    }

    func tokenCount(_ text: String) -> Int { preparation.count(text, tokenizer) }

    var tokenLimit: Int { preparation.length }

    private static let sideLimit = 8192
    private static let frameLimit = 4097

    var grid: ClipGrid {
        let (transformer, vae) = (components.transformer, components.vae)
        let side = vae.spatialFactor * transformer.patchSize
        var (width, height) = (Self.sideLimit / side * side, Self.sideLimit / side * side)
        if transformer.useLearnedPositionalEmbeddings || transformer.patchSizeT != nil {
            // As large as the tables of positions are.
            width = min(width, transformer.sampleWidth * vae.spatialFactor)
            height = min(height, transformer.sampleHeight * vae.spatialFactor)
        }
        return ClipGrid(
            widthStep: side, heightStep: side, frameStep: vae.temporalFactor, maxWidth: width, maxHeight: height,
            maxFrames: (Self.frameLimit - 1) / vae.temporalFactor * vae.temporalFactor + 1)
    }

    func adapterTargets(expert: Int) throws -> AdapterTargets { try components.adapterTargets() }

    func validate(_ settings: VideoSettings) throws(VideoError) {
        let grid = grid
        try grid.validate(settings)
        try pictures.validate(settings)
        for (name, value, limit) in [
            (Term.width, settings.clip.width, grid.maxWidth), (.height, settings.clip.height, grid.maxHeight),
            (.frames, settings.clip.frames, grid.maxFrames),
        ]
        where value > limit {
            throw .invalid(
                "\(name) is \(value), the model knows places up to \(limit)", field: name, hint: "make it smaller")
        }
        let transformer = components.transformer
        if transformer.useLearnedPositionalEmbeddings,
            settings.clip.width != grid.maxWidth || settings.clip.height != grid.maxHeight
        {
            throw .invalid(
                "this model's places are learned for one size, got \(settings.clip.width) x \(settings.clip.height)",
                field: .size, hint: "use \(grid.maxWidth) x \(grid.maxHeight)")
        }
        try validateSampling(settings)
        let shape = latentShape(settings)
        let tiling = components.vae.tiling
        if settings.tilesVAE, tiling.isNeeded(height: shape[2], width: shape[3]), !components.vae.tilesMeet {
            throw .invalid(
                "this model's frames cannot be decoded in tiles: those of its sample size do not meet",
                field: .tilesVAE,
                hint: "leave it out")
        }
    }

    private func validateSampling(_ settings: VideoSettings) throws(VideoError) {
        let scheduler = settings.sampling.scheduler
        guard !scheduler.isFlow else {
            throw .invalid(
                "\(.scheduler) \(scheduler.rawValue) walks a flow, this model was trained as a diffusion",
                field: .scheduler, hint: "use ddim or dpm")
        }
        guard settings.sampling.sigmas == nil else {
            throw .invalid(
                "\(.sigmas) are levels of a flow, this model was trained as a diffusion", field: .sigmas,
                hint: "leave them out")
        }
        guard settings.sampling.shift == nil else {
            throw .invalid(
                "\(.flowShift) bends a flow, this model was trained as a diffusion", field: .flowShift,
                hint: "leave it out")
        }
        let limit = components.scheduler.training.timesteps
        guard settings.sampling.steps <= limit else {
            throw .invalid(
                "\(.steps) is \(settings.sampling.steps), the model knows \(limit) timesteps", field: .steps,
                hint: "use fewer")
        }
    }

    func pipeline(on backend: any Backend, dtype: DType?, within terms: MemoryTerms) -> any VideoPipeline {
        CogVideoXPipeline(
            self, on: Device(backend: backend, dtype: dtype ?? self.dtype(prefersBF16: backend.prefersBF16)), terms)
    }

    /// Latent frames of the clip itself.
    func latentFrames(_ settings: VideoSettings) -> Int {
        (settings.clip.frames - 1) / components.vae.temporalFactor + 1
    }

    /// `[T, C, H, W]`, with frames in front that fill the first patch and are dropped before decoding.
    func latentShape(_ settings: VideoSettings) -> Shape {
        let (vae, patch) = (components.vae, components.transformer.patchTime)
        return [
            (latentFrames(settings) + patch - 1) / patch * patch, vae.latentChannels,
            settings.clip.height / vae.spatialFactor, settings.clip.width / vae.spatialFactor,
        ]
    }

    func plan(_ settings: VideoSettings) -> DenoisePlan {
        let schedule = DiffusionSchedule(components.scheduler.training, steps: settings.sampling.steps)
        let solver: any Solver =
            settings.sampling.scheduler == .dpm ? StochasticDPMSolver(schedule) : DDIMSolver(schedule)
        return DenoisePlan(
            solver, levels: ("alphas_cumprod", schedule.alphas.map { Float($0) }), adapters: settings.adapters)
    }
}

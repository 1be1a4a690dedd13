import Compute
import Layers
import Models
import Tokenizers
import VideoTypes
import Weights

/// An opened Wan model.
struct WanModel: VideoModel {
    let components: WanComponents
    /// Nil where there are only configurations, to plan with.
    let tokenizer: Tokenizer?

    /// Opens a folder and checks it completely, without loading weights.
    ///
    /// - Parameter published: parameters of each component where there are only configurations.
    init(_ folder: ModelFolder, published: [String: Int]? = nil) throws {
        components = try WanComponents(folder, published: published)
        tokenizer = published == nil ? try Tokenizer(folder) : nil
    }

    func folderScheduler() throws(VideoError) -> Scheduler { try components.scheduler.named() }

    var folderShift: Double? { components.scheduler.shift }

    var hasTwoExperts: Bool { components.transformer2 != nil }

    var drawsSketches: Bool { components.vae.colours != nil }
    var fingerprint: String { components.stored.fingerprint }

    var isStoredIn16Bits: Bool { components.stored.dtype("transformer") != .f32 }

    var pictures: PictureNeeds { components.pictures }

    /// Texts are padded too, but behind the encoder: with zeros, which the transformer folds into one row.
    var preparation: TextPreparation {
        TextPreparation(isCleaned: true, length: components.transformer.textLen, readsPadding: false)
    }

    func tokenCount(_ text: String) -> Int { preparation.count(text, tokenizer) }

    var tokenLimit: Int { preparation.length }

    var grid: ClipGrid {
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

    func adapterTargets(expert: Int) throws -> AdapterTargets { try components.adapterTargets(expert: expert) }

    func validate(_ settings: VideoSettings) throws(VideoError) {
        try grid.validate(settings)
        let scheduler = settings.sampling.scheduler
        guard scheduler.isFlow else {
            throw .invalid(
                "\(.scheduler) \(scheduler.rawValue) walks a diffusion, this model was trained as a flow",
                field: .scheduler, hint: "use unipc, euler or dpm++")
        }
        guard settings.sampling.guidanceSchedule == .constant else {
            throw .invalid(
                "\(.guidanceSchedule) dynamic is for diffusions, this model was trained as a flow",
                field: .guidanceSchedule, hint: "leave it out")
        }
        let isFull = [components.transformer, components.transformer2].allSatisfy { $0?.attention ?? .full == .full }
        guard settings.sampling.attention == .full || isFull else {
            throw .invalid(
                "\(.attention) factorized is for models made for full attention, this one was trained without it",
                field: .attention, hint: "leave it out")
        }
        try pictures.validate(settings)
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

    func pipeline(on backend: any Backend, dtype: DType?, within terms: MemoryTerms) -> any VideoPipeline {
        WanPipeline(
            self, on: Device(backend: backend, dtype: dtype ?? self.dtype(prefersBF16: backend.prefersBF16)), terms)
    }

    /// `[C, T, H, W]`.
    func latentShape(_ settings: VideoSettings) -> Shape {
        let vae = components.vae
        return [
            vae.zDim, (settings.clip.frames - 1) / vae.scaleFactorTemporal + 1,
            settings.clip.height / vae.scaleFactorSpatial,
            settings.clip.width / vae.scaleFactorSpatial,
        ]
    }

    /// The clip that the encoder is given: pictures, and grey between; how often each is shown.
    func shownFrames(_ settings: VideoSettings) -> [(role: PictureRole?, count: Int)] {
        let roles = Set(settings.inputs.map(\.role))
        guard roles.contains(.first) else { return [] }
        if components.index.expandTimesteps { return [(.first, 1)] }
        let last = roles.contains(.last) ? 1 : 0
        let frames: [(role: PictureRole?, count: Int)] = [
            (.first, 1), (nil, settings.clip.frames - 1 - last), (.last, last),
        ]
        return frames.filter { $0.count > 0 }
    }

    func plan(_ settings: VideoSettings) -> DenoisePlan {
        // The high-noise expert serves timesteps from the boundary up.
        let boundary = components.index.boundaryRatio.map { $0 * Double(components.scheduler.trainTimesteps) }
        return DenoisePlan(settings, components.scheduler) { timestep in
            boundary.map { Double(timestep) >= $0 ? 0 : 1 } ?? 0
        }
    }
}

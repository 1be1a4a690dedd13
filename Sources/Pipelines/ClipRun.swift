import Compute
import Layers
import Models
import Sampling
import Tokenizers
import VideoTypes

/// One clip on its way through the stages that every family has.
struct ClipRun {
    let settings: VideoSettings
    let plan: DenoisePlan
    let memory: MemoryEstimate
    let residency: Residency
    let adapters: AdapterSet
    let progress: ProgressReporter
    let dump: TensorDump?

    init(
        _ settings: VideoSettings, _ plan: DenoisePlan, _ memory: MemoryEstimate, _ residency: Residency,
        _ adapters: AdapterSet, report: @escaping (VideoProgress) -> Bool, _ dump: TensorDump?
    ) {
        self.settings = settings
        self.plan = plan
        self.memory = memory
        self.residency = residency
        self.adapters = adapters
        self.dump = dump
        progress = ProgressReporter(report)
    }

    var backend: any Backend { residency.device.backend }

    func finiteCheck() throws(ComputeError) -> FiniteCheck { try FiniteCheck(on: residency.device) }

    /// The network, loaded if it is not, for a stage of the clip.
    func network<Network>(_ part: Resident<Network>, for stage: VideoProgress.Stage) throws -> Network {
        try residency.network(part, for: stage, memory, progress)
    }

    /// The network of a run's expert, with the LoRAs that serve its steps.
    func network<Network>(_ part: Resident<Network>, for run: DenoisePlan.Run) throws -> Network {
        part.wear(adapters.network(expert: run.expert, step: run.steps.lowerBound))
        return try network(part, for: .denoise)
    }

    /// Brings what there is room for of the expert that a run will ask for; nil for nothing.
    func foresee<Network>(_ part: Resident<Network>, for run: DenoisePlan.Run) throws -> (any LateWeights)? {
        guard !part.isLoaded else { return nil }
        part.wear(adapters.network(expert: run.expert, step: run.steps.lowerBound))
        return try residency.foresee(part, memory)
    }

    /// A picture that the settings name; it may be missing only where no step is left that needs it.
    func picture(_ role: PictureRole, of pictures: [PictureRole: Frame]) throws(VideoError) -> Frame {
        guard let picture = pictures[role] else {
            throw VideoError(
                .internalError, "the settings name a picture as \(role.rawValue), and none came with them",
                hint: "make the clip anew with its picture")
        }
        return picture
    }

    /// The prompt, and the negative prompt where guidance needs it, as the encoder gives them.
    func texts(
        _ preparation: TextPreparation, _ tokenizer: Tokenizer?, _ part: Resident<T5Encoder>, _ config: T5Config
    ) throws -> TextStage.Embeddings {
        guard let tokenizer else { preconditionFailure("clips are made of folders with weights") }
        let encoder = try network(part, for: .text)
        let stage = TextStage(
            preparation: preparation, tokenizer: tokenizer,
            encoder: { (ids, probe) throws(ComputeError) in try encoder(ids, probe: probe) },
            vocabulary: config.vocabSize, backend: backend, finite: try finiteCheck(), progress: progress, dump: dump)
        return try stage.encode(
            settings.prompts.positive, negative: Guidance.isNeeded(settings) ? settings.prompts.negative : nil)
    }

    /// Latents of `shape` denoised, from noise or from where a checkpoint was left.
    ///
    /// - Parameter denoiser: asked for only where steps are left.
    func denoise(
        _ shape: Shape, noise: NoiseSource, _ checkpoint: DenoiseCheckpoint?, _ sketch: LatentSketch? = nil,
        _ denoiser: () throws -> any Denoiser
    ) throws -> Tensor {
        let stage = DenoiseStage(
            plan: plan, backend: backend, finite: try finiteCheck(), checkpoint: checkpoint, sketch: sketch,
            progress: progress, dump: dump)
        return try stage.run(shape, noise: noise, denoiser)
    }

    /// Gives the frames of latents in order.
    func decode(_ latents: Tensor, by decoder: any LatentDecoder, emit: (Frame) throws -> Void) throws {
        let stage = DecodeStage(
            decoder: decoder, backend: backend, finite: try finiteCheck(), progress: progress, dump: dump)
        try stage.run(latents, tiled: settings.tilesVAE, emit: emit)
    }
}

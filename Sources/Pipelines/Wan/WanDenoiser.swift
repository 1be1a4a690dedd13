import Compute
import Layers
import Models
import VideoTypes
import Weights

/// A Wan model's transformers beside the texts of one clip.
final class WanDenoiser: Denoiser {
    private let components: WanComponents
    private let networks: WanNetworks
    private let texts: TextStage.Embeddings
    private let pictures: WanPictureStage.Told?
    private let clip: ClipRun
    /// What is shown of the latents where there are pictures.
    private var input: Tensor?
    /// The weights of the expert that comes next.
    private var foreseen: Checkpoint?
    /// What of them has places in memory already.
    private var coming: (any LateWeights)?

    init(
        _ components: WanComponents, _ networks: WanNetworks, _ texts: TextStage.Embeddings,
        _ pictures: WanPictureStage.Told?, _ clip: ClipRun
    ) {
        self.components = components
        self.networks = networks
        self.texts = texts
        self.pictures = pictures
        self.clip = clip
    }

    /// Latents beside the condition of the pictures, or behind the frame that they hold.
    func shown(_ latents: Tensor) throws(ComputeError) -> Tensor {
        guard let pictures else { return latents }
        let backend = clip.backend
        let (channels, condition) = (latents.shape[0], pictures.condition)
        let isNew = input == nil
        let shown: Tensor
        if let input { shown = input } else { shown = try place(latents, on: backend) }
        input = shown
        try backend.copy(latents, into: shown[0..<channels])
        if pictures.isHeld {
            try hold(condition, in: shown)
        } else if isNew {
            try backend.copy(condition, into: shown[channels..<channels + condition.shape[0]])
        }
        return shown
    }

    /// Puts the frames that pictures gave in the place of what the solver made of them.
    func finish(_ latents: Tensor) throws(ComputeError) {
        if let pictures, pictures.isHeld { try hold(pictures.condition, in: latents) }
    }

    private func hold(_ frames: Tensor, in latents: Tensor) throws(ComputeError) {
        for channel in 0..<frames.shape[0] {
            try clip.backend.copy(frames[channel], into: latents[channel][0..<frames.shape[1]])
        }
    }

    private func place(_ latents: Tensor, on backend: any Backend) throws(ComputeError) -> Tensor {
        let channels = latents.shape[0] + components.transformer.conditionChannels
        return try backend.allocate(Shape([channels] + latents.shape.dims.dropFirst()), .f32)
    }

    /// Times are prepared for the whole run, wherever it is entered: a product's rows may depend on how many there are.
    func passes(
        _ run: DenoisePlan.Run, over shown: Tensor, probe: (_ pass: String) -> Probe?
    ) throws -> DenoisePasses {
        let transformer = try clip.network(networks.transformers[run.expert], for: run)
        let held = pictures.flatMap { $0.isHeld ? $0.condition.shape[1] : nil } ?? 0
        let grid = try transformer.grid(shown.shape, heldFrames: held)
        let seen = try pictures?.states.map { try transformer.pictures($0, probe: probe("cond")) }
        let backend = clip.backend
        let shape = Shape([transformer.config.outChannels] + shown.shape.dims.dropFirst())
        func pass(_ text: Tensor, _ name: String) throws -> DenoisePass {
            let context = try transformer.context(text, pictures: seen, probe: probe(name))
            return try DenoisePass(shape, isRepeatable: transformer.isRepeatable, on: backend) {
                (step, factorized, probe, prediction) throws(ComputeError) in
                try transformer(
                    shown, time: WanTransformer.Time(step), context: context, grid: grid, factorized: factorized,
                    probe: probe, into: prediction)
            }
        }
        let prompt = try pass(texts.prompt, "cond")
        let negative = try texts.negative.map { try pass($0, "uncond") }
        let times = try transformer.times(Array(clip.plan.timesteps[run.steps]), holdsFrames: held > 0)
        let (frame, frames) = transformer.config.grid(shown.shape)
        let factorized = FactorizedAttention(clip.settings, frame: frame, frames: frames)
        return DenoisePasses(prompt: prompt, negative: negative, factorized: factorized) {
            times[$0 - run.steps.lowerBound].tensors
        }
    }

    /// While one expert works, the other's weights come from the disk, a part before each step.
    ///
    /// Those that there is room for are copied beside the last step's work; when its turn comes the rest need only be
    /// copied.
    func foresee(_ run: DenoisePlan.Run, step: Int, of steps: Int) throws {
        let transformer = networks.transformers[run.expert]
        guard !transformer.isLoaded else { return }
        if step == 0 || foreseen == nil { foreseen = components.foreseenTransformer(expert: run.expert) }
        foreseen?.fetchPages(part: step, of: steps)
        guard step == steps - 1 else { return }
        foreseen = nil
        coming = try clip.foresee(transformer, for: run)
    }

    func attend() throws {
        try coming?.fill()
        coming = nil
    }

    func guidanceScale(_ step: Int, of run: DenoisePlan.Run) -> Float {
        Float(clip.settings.sampling.guidance(ofExpert: run.expert))
    }

    /// Models with expanded timesteps are told one for each token; only those of a frame that is held differ.
    func timesteps(_ timestep: Float, _ latents: Shape) -> [Float] {
        guard components.index.expandTimesteps else { return [timestep] }
        let patch = components.transformer.patch
        let tokens = latents[1] * (latents[2] / patch.height) * (latents[3] / patch.width)
        let held = pictures.map { tokens / latents[1] * $0.condition.shape[1] } ?? 0
        return [Float](repeating: 0, count: held) + [Float](repeating: timestep, count: tokens - held)
    }
}

import Compute
import Layers
import Models
import Sampling
import VideoTypes

/// A CogVideoX transformer beside the texts, and the picture, of one clip.
final class CogVideoXDenoiser: Denoiser {
    private let networks: CogVideoXNetworks
    private let texts: TextStage.Embeddings
    /// f32 `[T, C, H, W]` that stand beside the latents; nil without a picture.
    private let condition: Tensor?
    /// What takes the place of full attention at most steps; nil where nobody asked for it.
    private let factorized: FactorizedAttention?
    private let clip: ClipRun
    /// Latents and condition, frame by frame.
    private var joined: Tensor?
    private var rounding: Tensor?

    init(
        _ networks: CogVideoXNetworks, _ texts: TextStage.Embeddings, condition: Tensor?,
        factorized: FactorizedAttention?, _ clip: ClipRun
    ) {
        self.networks = networks
        self.texts = texts
        self.condition = condition
        self.factorized = factorized
        self.clip = clip
    }

    private var backend: any Backend { clip.backend }

    func shown(_ latents: Tensor) throws(ComputeError) -> Tensor {
        guard let condition else { return latents }
        let (shape, channels) = (latents.shape, latents.shape[1])
        let all: Tensor
        if let joined {
            all = joined
        } else {
            all = try backend.allocate([shape[0], 2 * channels, shape[2], shape[3]], .f32)
            for frame in 0..<shape[0] {
                try backend.copy(condition[frame], into: all[frame][channels..<2 * channels])
            }
            joined = all
        }
        for frame in 0..<shape[0] { try backend.copy(latents[frame], into: all[frame][0..<channels]) }
        return all
    }

    func passes(
        _ run: DenoisePlan.Run, over shown: Tensor, probe: (_ pass: String) -> Probe?
    ) throws -> DenoisePasses {
        let transformer = try clip.network(networks.transformer, for: run)
        let grid = try transformer.grid(shown.shape)
        let backend = backend
        let shape: Shape = [shown.shape[0], transformer.config.outChannels, shown.shape[2], shown.shape[3]]
        func pass(_ text: Tensor, _ name: String) throws -> DenoisePass {
            let context = try transformer.context(text, probe: probe(name))
            return try DenoisePass(shape, isRepeatable: transformer.isRepeatable, on: backend) {
                (step, factorized, probe, prediction) throws(ComputeError) in
                try transformer(
                    shown, modulation: CogVideoXTransformer.Modulation(step), context: context, grid: grid,
                    factorized: factorized, probe: probe, into: prediction)
            }
        }
        let prompt = try pass(texts.prompt, "cond")
        let negative = try texts.negative.map { try pass($0, "uncond") }
        let times = try transformer.times(clip.plan.timesteps)
        try probe("cond")?("temb", times[0..<1])
        return DenoisePasses(prompt: prompt, negative: negative, factorized: factorized) {
            (index) throws(ComputeError) in
            try transformer.modulation(times[index..<index + 1]).tensors
        }
    }

    func guidanceScale(_ step: Int, of run: DenoisePlan.Run) -> Float {
        let scale = clip.settings.sampling.guidance(ofExpert: run.expert)
        return switch clip.settings.sampling.guidanceSchedule {
        case .constant: Float(scale)
        case .dynamic:
            Float(Guidance.cosine(scale, timestep: clip.plan.timesteps[step], steps: clip.plan.stepCount))
        }
    }

    /// The reference keeps latents in the dtype of its networks.
    func settle(_ latents: Tensor) throws(ComputeError) {
        let dtype = clip.residency.device.dtype
        guard dtype != .f32 else { return }
        let narrow: Tensor
        if let rounding { narrow = rounding } else { narrow = try backend.allocate(latents.shape, dtype) }
        rounding = narrow
        try backend.copy(latents, into: narrow)
        try backend.copy(narrow, into: latents)
    }
}

import Compute
import Layers
import Models
import Sampling
import VideoTypes

/// A Wan model's transformers beside the texts of one clip.
final class WanDenoiser: Denoiser {
    private let components: WanComponents
    private let networks: WanNetworks
    private let texts: TextStage.Embeddings
    private let settings: VideoSettings
    private let timesteps: [Float]
    /// Bytes that the loop needs beside the weights.
    private let workBytes: Int
    private let progress: ProgressReporter

    init(
        _ components: WanComponents, _ networks: WanNetworks, _ texts: TextStage.Embeddings, _ settings: VideoSettings,
        _ timesteps: [Float], workBytes: Int, _ progress: ProgressReporter
    ) {
        self.components = components
        self.networks = networks
        self.texts = texts
        self.settings = settings
        self.timesteps = timesteps
        self.workBytes = workBytes
        self.progress = progress
    }

    /// Times are prepared for the whole run, wherever it is entered: a product's rows may depend on how many there are.
    func passes(
        _ run: DenoisePlan.Run, over shown: Tensor, probe: (_ pass: String) -> Probe?
    ) throws -> DenoisePasses {
        let transformer = try networks.residency.network(
            networks.transformers[run.expert], beside: workBytes, progress)
        let grid = try transformer.grid(shown.shape)
        let backend = networks.residency.device.backend
        let shape = Shape([transformer.config.outChannels] + shown.shape.dims.dropFirst())
        func pass(_ text: Tensor, _ name: String) throws -> DenoisePass {
            let context = try transformer.context(text, probe: probe(name))
            return try DenoisePass(shape, on: backend) { (step, probe, prediction) throws(ComputeError) in
                try transformer(
                    shown, time: WanTransformer.Time(step), context: context, grid: grid, probe: probe,
                    into: prediction)
            }
        }
        let prompt = try pass(texts.prompt, "cond")
        let negative = try texts.negative.map { try pass($0, "uncond") }
        let times = try transformer.times(Array(timesteps[run.steps]))
        return DenoisePasses(prompt: prompt, negative: negative) { times[$0 - run.steps.lowerBound].tensors }
    }

    func guidanceScale(_ step: Int, of run: DenoisePlan.Run) -> Float {
        Float(settings.sampling.guidance(ofExpert: run.expert))
    }

    /// Models with expanded timesteps are told one for each token; for text to video all are equal.
    func timesteps(_ timestep: Float, _ latents: Shape) -> [Float] {
        guard components.index.expandTimesteps else { return [timestep] }
        let patch = components.transformer.patch
        let tokens = latents[1] * (latents[2] / patch.height) * (latents[3] / patch.width)
        return [Float](repeating: timestep, count: tokens)
    }
}

import Compute
import Layers
import Models

/// What predicts in the denoise loop: a family's networks beside the texts and pictures of one clip.
///
/// The loop keeps the latents in one tensor, f32, whose shape is the family's.
protocol Denoiser: AnyObject {
    /// What the networks are shown of the latents: they themselves, or always the same tensor that is filled here.
    func shown(_ latents: Tensor) throws(ComputeError) -> Tensor

    /// Makes a run's network ready, whichever of the run's steps is the first to be made.
    ///
    /// - Parameter probe: of what is made ready for the passes "cond" and "uncond".
    func passes(
        _ run: DenoisePlan.Run, over shown: Tensor, probe: (_ pass: String) -> Probe?
    ) throws -> DenoisePasses

    /// Hears that `run` comes next, once before each of so many steps of the one before.
    func foresee(_ run: DenoisePlan.Run, step: Int, of steps: Int) throws
    /// Hears that all work of a step's passes was asked for, before anybody waits for it.
    func attend() throws

    /// Weight of the prompt against the negative prompt.
    func guidanceScale(_ step: Int, of run: DenoisePlan.Run) -> Float

    /// Brings latents that a step has left into the form that the family keeps them in.
    func settle(_ latents: Tensor) throws(ComputeError)

    /// Brings latents that the last step has left into the form that is decoded.
    func finish(_ latents: Tensor) throws(ComputeError)

    /// What the networks are told of the step's timestep, one number or one for each token.
    func timesteps(_ timestep: Float, _ latents: Shape) -> [Float]
}

extension Denoiser {
    func shown(_ latents: Tensor) -> Tensor { latents }
    func foresee(_ run: DenoisePlan.Run, step: Int, of steps: Int) {}
    func attend() {}
    func settle(_ latents: Tensor) {}
    func finish(_ latents: Tensor) {}
    func timesteps(_ timestep: Float, _ latents: Shape) -> [Float] { [timestep] }
}

/// A loaded network's passes: beside the prompt, and beside the negative prompt where guidance needs it.
struct DenoisePasses {
    let prompt: DenoisePass
    let negative: DenoisePass?
    /// What takes the place of full attention at most steps; nil where nobody asked for it.
    let factorized: FactorizedAttention?
    /// What step `index` of the schedule brings.
    let step: (_ index: Int) throws(ComputeError) -> [Tensor]
}

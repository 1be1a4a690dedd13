package import Compute
package import VideoTypes

/// Draws noise of the latents' shape, f32; each call is one call of the reference's generator.
package typealias NoiseDraw = () throws(ComputeError) -> Tensor

/// Walks its schedule: turns the model's output at each step into the next latents.
///
/// A solver knows what the output means. The steps must be made in order. Tensors are f32; coefficients are computed in
/// the precision and the order of operations of Diffusers' schedulers, because theirs carry its rounding.
package protocol Solver {
    /// What the model is told at each step.
    var timesteps: [Float] { get }

    /// What the next step needs of those before it, beside the latents; nothing before the first.
    var history: [Tensor] { get }

    /// Tensors of the history behind `steps` steps.
    func historyCount(after steps: Int) -> Int

    /// How often step `index` draws noise.
    func draws(at index: Int) -> Int

    /// Factors of the latents and of the output at step `index` whose sum is the clean latents as the model sees them.
    func cleanFactors(at index: Int) -> (latents: Float, output: Float)

    /// Goes on behind `steps` steps, at least one, that left this history; the tensors are taken over.
    mutating func resume(after steps: Int, history: [Tensor], on backend: any Backend) throws(ComputeError)

    /// Replaces `latents`, which the model saw at step `index`, by those of the next step.
    mutating func step(
        _ index: Int, output: Tensor, latents: Tensor, noise: NoiseDraw, on backend: any Backend
    ) throws(ComputeError)
}

extension Solver {
    package func draws(at index: Int) -> Int { 0 }

    /// How often the steps before `step` have drawn: where the noise of the next one is.
    package func draws(before step: Int) -> Int { (0..<step).reduce(0) { $0 + draws(at: $1) } }
}

extension Scheduler {
    /// A solver at the beginning of `schedule`.
    package func solver(_ schedule: Schedule) -> any Solver {
        switch self {
        case .unipc: UniPCSolver(schedule)
        case .euler: EulerSolver(schedule)
        case .dpmpp: DPMSolver(schedule)
        case .ddim, .dpm: preconditionFailure("\(self) walks no flow")
        }
    }
}

/// `x += (σ' - σ) v`.
package struct EulerSolver: Solver {
    package let schedule: Schedule

    package init(_ schedule: Schedule) {
        self.schedule = schedule
    }

    package var timesteps: [Float] { schedule.timesteps }
    package func cleanFactors(at index: Int) -> (latents: Float, output: Float) { (1, -schedule.sigmas[index]) }
    package var history: [Tensor] { [] }
    package func historyCount(after steps: Int) -> Int { 0 }

    package mutating func resume(after steps: Int, history: [Tensor], on backend: any Backend) {}

    package mutating func step(
        _ index: Int, output velocity: Tensor, latents: Tensor, noise: NoiseDraw, on backend: any Backend
    ) throws(ComputeError) {
        let change = schedule.sigmas[index + 1] - schedule.sigmas[index]
        try backend.combine([(1, latents), (change, velocity)], into: latents)
    }
}

package import Compute

/// Denoising diffusion implicit models without noise of their own (arXiv:2010.02502), as CogVideoXDDIMScheduler.
package struct DDIMSolver: Solver {
    package let schedule: DiffusionSchedule
    private var clean: Tensor?

    package init(_ schedule: DiffusionSchedule) {
        self.schedule = schedule
    }

    package var timesteps: [Float] { schedule.timesteps }
    package func cleanFactors(at index: Int) -> (latents: Float, output: Float) {
        schedule.cleanFactors(schedule.alphas(at: index).from)
    }
    package var history: [Tensor] { [] }
    package func historyCount(after steps: Int) -> Int { 0 }

    package mutating func resume(after steps: Int, history: [Tensor], on backend: any Backend) {}

    package mutating func step(
        _ index: Int, output: Tensor, latents: Tensor, noise: NoiseDraw, on backend: any Backend
    ) throws(ComputeError) {
        let clean: Tensor
        if let kept = self.clean { clean = kept } else { clean = try backend.allocate(latents.shape, .f32) }
        self.clean = clean
        let (from, to) = schedule.alphas(at: index)
        let factors = schedule.cleanFactors(from)
        try backend.combine([(factors.latents, latents), (factors.output, output)], into: clean)
        let keep = ((1 - to) / (1 - from)).squareRoot()
        try backend.combine(
            [(Float(keep), latents), (Float(to.squareRoot() - from.squareRoot() * keep), clean)], into: latents)
    }
}

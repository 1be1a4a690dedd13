package import Compute
import Glibc

/// DPM-Solver++ 2M of the stochastic differential equation (arXiv:2211.01095), as CogVideoXDPMScheduler.
///
/// Each step adds noise. Those between the first and the last are of second order, and draw twice and use the second,
/// because that is what the reference's random numbers are.
package struct StochasticDPMSolver: Solver {
    package let schedule: DiffusionSchedule
    /// The model's prediction of the clean latents, now and one step earlier.
    private var clean: (now: Tensor, before: Tensor)?

    package init(_ schedule: DiffusionSchedule) {
        self.schedule = schedule
    }

    package var timesteps: [Float] { schedule.timesteps }
    package func cleanFactors(at index: Int) -> (latents: Float, output: Float) {
        schedule.cleanFactors(schedule.alphas(at: index).from)
    }
    package var history: [Tensor] { clean.map { [$0.now] } ?? [] }
    package func historyCount(after steps: Int) -> Int { min(steps, 1) }
    package func draws(at index: Int) -> Int { isFirstOrder(index) ? 1 : 2 }

    package mutating func resume(
        after steps: Int, history: [Tensor], on backend: any Backend
    ) throws(ComputeError) {
        clean = (history[0], try backend.allocate(history[0].shape, .f32))
    }

    package mutating func step(
        _ index: Int, output: Tensor, latents: Tensor, noise: NoiseDraw, on backend: any Backend
    ) throws(ComputeError) {
        let (now, before) = try buffers(like: latents, on: backend)
        clean = (now, before)
        let (from, to) = schedule.alphas(at: index)
        let factors = schedule.cleanFactors(from)
        try backend.combine([(factors.latents, latents), (factors.output, output)], into: now)

        // Infinite at pure noise and at clean latents; every factor below has a limit there.
        let h = Self.logarithm(to) - Self.logarithm(from)
        let keep = Float(((1 - to) / (1 - from)).squareRoot() * exp(-h))
        let weight = expm1(-2 * h) * to.squareRoot()
        let spread = Float((1 - to).squareRoot() * (1 - exp(-2 * h)).squareRoot())
        let drawn = try noise()
        guard !isFirstOrder(index) else {
            return try backend.combine([(keep, latents), (Float(-weight), now), (spread, drawn)], into: latents)
        }
        let ratio = (Self.logarithm(from) - Self.logarithm(schedule.alphas[Int(timesteps[index - 1])])) / h
        let slope = 1 / (2 * ratio)
        try backend.combine(
            [
                (keep, latents), (Float(-weight * (1 + slope)), now), (Float(weight * slope), before),
                (spread, noise()),
            ], into: latents)
    }

    private func isFirstOrder(_ index: Int) -> Bool { index == 0 || schedule.isLast(index) }

    /// Half the logarithm of the signal-to-noise ratio.
    private static func logarithm(_ alpha: Double) -> Double { log((alpha / (1 - alpha)).squareRoot()) }

    /// The oldest prediction's memory for the new one.
    private func buffers(
        like latents: Tensor, on backend: any Backend
    ) throws(ComputeError) -> (now: Tensor, before: Tensor) {
        if let clean { return (clean.before, clean.now) }
        return (try backend.allocate(latents.shape, .f32), try backend.allocate(latents.shape, .f32))
    }
}

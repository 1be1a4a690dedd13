package import Compute
import Glibc

/// DPM-Solver++ 2M with the midpoint rule on a rectified flow (arXiv:2211.01095, algorithm 2).
///
/// The first and the last step are of first order.
package struct DPMSolver: Solver {
    package let schedule: Schedule
    /// The model's prediction of the clean latents, now and one step earlier.
    private var clean: (now: Tensor, before: Tensor)?

    package init(_ schedule: Schedule) {
        self.schedule = schedule
    }

    package var timesteps: [Float] { schedule.timesteps }
    package func cleanFactors(at index: Int) -> (latents: Float, output: Float) { (1, -schedule.sigmas[index]) }
    package var history: [Tensor] { clean.map { [$0.now] } ?? [] }
    package func historyCount(after steps: Int) -> Int { min(steps, 1) }

    package mutating func resume(
        after steps: Int, history: [Tensor], on backend: any Backend
    ) throws(ComputeError) {
        clean = (history[0], try backend.allocate(history[0].shape, .f32))
    }

    package mutating func step(
        _ index: Int, output velocity: Tensor, latents: Tensor, noise: NoiseDraw, on backend: any Backend
    ) throws(ComputeError) {
        let (now, before) = try buffers(like: latents, on: backend)
        clean = (now, before)
        try backend.combine([(1, latents), (-schedule.sigmas[index], velocity)], into: now)
        guard index < schedule.stepCount - 1 else { return try backend.copy(now, into: latents) }

        let (from, to) = (NoiseLevel(schedule.sigmas[index]), NoiseLevel(schedule.sigmas[index + 1]))
        let h = to.lambda - from.lambda
        let weight = -(to.alpha * (expf(-h) - 1))
        guard index > 0 else {
            return try backend.combine([(to.sigma / from.sigma, latents), (weight, now)], into: latents)
        }
        // Infinite behind noise level 1, which makes the slope 0.
        let ratio = (from.lambda - NoiseLevel(schedule.sigmas[index - 1]).lambda) / h
        let slope = 0.5 * weight * (1 / ratio)
        try backend.combine(
            [(to.sigma / from.sigma, latents), (weight + slope, now), (-slope, before)], into: latents)
    }

    /// The oldest prediction's memory for the new one.
    private func buffers(
        like latents: Tensor, on backend: any Backend
    ) throws(ComputeError) -> (now: Tensor, before: Tensor) {
        if let clean { return (clean.before, clean.now) }
        return (try backend.allocate(latents.shape, .f32), try backend.allocate(latents.shape, .f32))
    }
}

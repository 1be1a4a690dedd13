package import Compute
import Glibc

/// UniPC of order 2 with B(h) = e^h - 1, predicting the clean latents of a rectified flow (arXiv:2302.04867).
///
/// Each step corrects the latents it was given with the model's new output, then predicts the next ones.
package struct UniPCSolver: Solver {
    package let schedule: Schedule
    private var state: State?
    /// The order of the last prediction, which its correction shares.
    private var lastOrder = 0

    private struct State {
        /// Predictions of the clean latents, newest first: this step's, and those of the two steps before.
        var clean: [Tensor]
        /// Corrected latents of the step before.
        let corrected: Tensor
        /// How many of the predictions have been made.
        var count = 0
    }

    package init(_ schedule: Schedule) {
        self.schedule = schedule
    }

    package var timesteps: [Float] { schedule.timesteps }
    package func cleanFactors(at index: Int) -> (latents: Float, output: Float) { (1, -schedule.sigmas[index]) }

    package func historyCount(after steps: Int) -> Int { min(steps, 2) + min(steps, 1) }

    package var history: [Tensor] {
        state.map { [$0.corrected] + $0.clean.prefix(min($0.count, 2)) } ?? []
    }

    package mutating func resume(
        after steps: Int, history: [Tensor], on backend: any Backend
    ) throws(ComputeError) {
        var clean = Array(history.dropFirst())
        while clean.count < 3 { clean.append(try backend.allocate(history[0].shape, .f32)) }
        state = State(clean: clean, corrected: history[0], count: steps)
        lastOrder = order(of: steps - 1)
    }

    package mutating func step(
        _ index: Int, output velocity: Tensor, latents: Tensor, noise: NoiseDraw, on backend: any Backend
    ) throws(ComputeError) {
        var state: State
        if let kept = self.state { state = kept } else { state = try newState(like: latents, on: backend) }
        state.clean.insert(state.clean.removeLast(), at: 0)
        state.count += 1
        self.state = state
        try backend.combine([(1, latents), (-schedule.sigmas[index], velocity)], into: state.clean[0])
        if index == 0 {
            try backend.copy(latents, into: state.corrected)
        } else {
            try backend.combine(correction(index, state), into: state.corrected)
        }
        lastOrder = order(of: index)
        guard index < schedule.stepCount - 1 else { return try backend.copy(state.clean[0], into: latents) }
        try backend.combine(prediction(index, state), into: latents)
    }

    /// The last step and the first are of order 1.
    private func order(of index: Int) -> Int { min(2, schedule.stepCount - index, index + 1) }

    private func newState(like latents: Tensor, on backend: any Backend) throws(ComputeError) -> State {
        var clean: [Tensor] = []
        for _ in 0..<3 { clean.append(try backend.allocate(latents.shape, .f32)) }
        return State(clean: clean, corrected: try backend.allocate(latents.shape, .f32))
    }

    private func level(_ index: Int) -> NoiseLevel { NoiseLevel(schedule.sigmas[index]) }

    /// The latents at step `index` once more, from those of the step before and the model's output at both ends.
    private func correction(_ index: Int, _ state: State) -> [(factor: Float, tensor: Tensor)] {
        let (from, to) = (level(index - 1), level(index))
        let h = to.lambda - from.lambda
        let phi = expm1f(-h)
        let base = to.sigma / from.sigma
        let scale = to.alpha * phi
        guard lastOrder == 2 else {
            let half = scale * 0.5
            return [(base, state.corrected), (half - scale, state.clean[1]), (-half, state.clean[0])]
        }
        let ratio = (level(index - 2).lambda - from.lambda) / h
        // Weights of the older slope and of the new one: [[1, 1], [ratio, 1]] ρ = b.
        let first = phi / -h - 1
        let second = first / -h - 0.5
        let b = (first / phi, second * 2 / phi)
        let older = (b.0 - b.1) / (1 - ratio)
        let newer = b.0 - older
        let slope = scale * older / ratio
        return [
            (base, state.corrected), (slope + scale * newer - scale, state.clean[1]), (-slope, state.clean[2]),
            (-(scale * newer), state.clean[0]),
        ]
    }

    /// The latents at step `index + 1`.
    private func prediction(_ index: Int, _ state: State) -> [(factor: Float, tensor: Tensor)] {
        let (from, to) = (level(index), level(index + 1))
        let h = to.lambda - from.lambda
        let scale = to.alpha * expm1f(-h)
        let base = to.sigma / from.sigma
        guard lastOrder == 2 else { return [(base, state.corrected), (-scale, state.clean[0])] }
        let ratio = (level(index - 1).lambda - from.lambda) / h
        let slope = scale * 0.5 / ratio
        return [(base, state.corrected), (slope - scale, state.clean[0]), (-slope, state.clean[1])]
    }
}

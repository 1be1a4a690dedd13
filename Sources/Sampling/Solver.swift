package import Compute
package import VideoTypes

/// Walks a schedule: turns the model's velocity at each step into the next latents.
///
/// The steps must be made in order. Everything is f32; coefficients are computed in f32 too, in the order of operations
/// of Diffusers' schedulers, because theirs carry its rounding.
package protocol Solver {
    var schedule: Schedule { get }

    /// What the next step needs of those before it, beside the latents; nothing before the first.
    var history: [Tensor] { get }

    /// Goes on behind `steps` steps, at least one, that left this history; the tensors are taken over.
    mutating func resume(after steps: Int, history: [Tensor], on backend: any Backend) throws(ComputeError)

    /// Replaces `latents`, which the model saw at step `index`, by those of the next step.
    mutating func step(
        _ index: Int, velocity: Tensor, latents: Tensor, on backend: any Backend
    ) throws(ComputeError)
}

extension Scheduler {
    /// A solver at the beginning of `schedule`.
    package func solver(_ schedule: Schedule) -> any Solver {
        switch self {
        case .unipc: UniPCSolver(schedule)
        case .euler: EulerSolver(schedule)
        case .dpmpp: DPMSolver(schedule)
        }
    }

    /// Tensors of a solver's history behind `steps` steps.
    package func historyCount(after steps: Int) -> Int {
        switch self {
        case .unipc: min(steps, 2) + min(steps, 1)
        case .euler: 0
        case .dpmpp: min(steps, 1)
        }
    }
}

/// `x += (σ' - σ) v`.
package struct EulerSolver: Solver {
    package let schedule: Schedule

    package init(_ schedule: Schedule) {
        self.schedule = schedule
    }

    package var history: [Tensor] { [] }

    package mutating func resume(after steps: Int, history: [Tensor], on backend: any Backend) {}

    package mutating func step(
        _ index: Int, velocity: Tensor, latents: Tensor, on backend: any Backend
    ) throws(ComputeError) {
        let change = schedule.sigmas[index + 1] - schedule.sigmas[index]
        try backend.combine([(1, latents), (change, velocity)], into: latents)
    }
}

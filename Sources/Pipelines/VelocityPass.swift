import Compute
import Models

/// One of the transformer's passes over the latents, the same at every step but for the time.
///
/// Where the backend can, the pass is taken down after its first run and only repeated from then on.
final class VelocityPass {
    private let transformer: WanTransformer
    private let context: WanTransformer.Context
    private let grid: WanTransformer.Grid
    private let latents: Tensor
    private let backend: any Backend
    private let velocity: Tensor
    private var state = State.untried

    private enum State {
        case untried
        case warm
        case recorded(any Recording, time: WanTransformer.Time)
        case notWorthwhile
    }

    /// - Parameter latents: f32 `[C, T, H, W]`, read at every run.
    init(
        _ transformer: WanTransformer, _ context: WanTransformer.Context, _ grid: WanTransformer.Grid, latents: Tensor,
        on backend: any Backend
    ) throws(ComputeError) {
        self.transformer = transformer
        self.context = context
        self.grid = grid
        self.latents = latents
        self.backend = backend
        let config = transformer.config
        velocity = try backend.allocate(Shape([config.outChannels] + latents.shape.dims.dropFirst()), .f32)
    }

    /// The velocity f32 `[C, T, H, W]`, in a tensor that the next run overwrites.
    func run(_ time: WanTransformer.Time, probe: Probe?) throws(ComputeError) -> Tensor {
        if case .warm = state { try record(time) }
        if case .recorded(let recording, let place) = state, probe == nil {
            try time.copy(into: place, on: backend)
            try recording.replay()
        } else {
            try compute(time, probe: probe)
        }
        if case .untried = state { state = .warm }
        return velocity
    }

    private func record(_ time: WanTransformer.Time) throws(ComputeError) {
        let place = try time.place(on: backend)
        let recording = try backend.record { () throws(ComputeError) in try compute(place, probe: nil) }
        state = recording.map { .recorded($0, time: place) } ?? .notWorthwhile
    }

    private func compute(_ time: WanTransformer.Time, probe: Probe?) throws(ComputeError) {
        try transformer(latents, time: time, context: context, grid: grid, probe: probe, into: velocity)
    }
}

import Compute
import Models

/// One of the transformer's passes over the latents, the same at every step but for the time.
///
/// Where the backend can, the pass is taken down at its first run and only repeated from then on.
final class VelocityPass {
    private let transformer: WanTransformer
    private let context: WanTransformer.Context
    private let grid: WanTransformer.Grid
    private let latents: Tensor
    private let backend: any Backend
    private let velocity: Tensor
    /// Where a recording finds the time of the step.
    private var place: WanTransformer.Time?
    private var recording: (any Recording)?

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
        if let probe {
            try compute(time, probe: probe)
        } else {
            let place = try placed(time)
            if let recording {
                try recording.replay()
            } else {
                recording = try backend.record { () throws(ComputeError) in try compute(place, probe: nil) }
            }
        }
        return velocity
    }

    private func placed(_ time: WanTransformer.Time) throws(ComputeError) -> WanTransformer.Time {
        if place == nil { place = try time.place(on: backend) }
        guard let place else { preconditionFailure("a place was just made") }
        try time.copy(into: place, on: backend)
        return place
    }

    private func compute(_ time: WanTransformer.Time, probe: Probe?) throws(ComputeError) {
        try transformer(latents, time: time, context: context, grid: grid, probe: probe, into: velocity)
    }
}

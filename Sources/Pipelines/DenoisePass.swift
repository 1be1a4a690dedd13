import Compute
import Layers
import Models

/// One of a network's passes over what it is shown, the same at every step but for what the step itself brings.
///
/// Where the backend can, the pass is taken down at its first run and only repeated from then on.
final class DenoisePass {
    /// Computes the prediction from what a step brings, and from what does not change.
    typealias Compute = (
        _ step: [Tensor], _ factorized: FactorizedAttention.Step?, _ probe: Probe?, _ prediction: Tensor
    ) throws(ComputeError) -> Void

    private let backend: any Backend
    private let isRepeatable: Bool
    private let compute: Compute
    private let prediction: Tensor
    /// Where a recording finds what the step brings.
    private var places: [Tensor] = []
    private var recording: (any Recording)?

    /// - Parameters:
    ///   - shape: of the prediction, `[C, T, H, W]` or as the family's latents are.
    ///   - isRepeatable: whether the pass can be taken down: not where weights move.
    init(
        _ shape: Shape, isRepeatable: Bool, on backend: any Backend, _ compute: @escaping Compute
    ) throws(ComputeError) {
        self.backend = backend
        self.isRepeatable = isRepeatable
        self.compute = compute
        prediction = try backend.allocate(shape, .f32)
    }

    /// The prediction, in a tensor that the next run overwrites.
    ///
    /// - Parameters:
    ///   - step: f32, of equal shapes at every run.
    ///   - factorized: what takes the place of full attention.
    func run(
        _ step: [Tensor], factorized: FactorizedAttention.Step?, probe: Probe?
    ) throws(ComputeError) -> Tensor {
        if probe != nil || factorized != nil || !isRepeatable {
            try compute(step, factorized, probe, prediction)
            return prediction
        }
        for tensor in step.dropFirst(places.count) { places.append(try backend.allocate(tensor.shape, .f32)) }
        for (tensor, place) in zip(step, places) { try backend.copy(tensor, into: place) }
        if let recording {
            try recording.replay()
        } else {
            recording = try backend.record { () throws(ComputeError) in try compute(places, nil, nil, prediction) }
        }
        return prediction
    }
}

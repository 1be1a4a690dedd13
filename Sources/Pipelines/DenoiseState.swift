import Compute
import Sampling
import Weights

/// A denoise loop between two steps, as a checkpoint keeps it.
struct DenoiseState {
    /// Steps that are done; the next one's index.
    let step: Int
    let latents: [Float]
    /// The solver's.
    let history: [[Float]]

    init(step: Int, latents: Tensor, solver: any Solver, on backend: any Backend) throws(ComputeError) {
        self.step = step
        self.latents = try backend.download(latents)
        var history: [[Float]] = []
        for tensor in solver.history { history.append(try backend.download(tensor)) }
        self.history = history
    }

    /// A checkpoint's content as a safetensors file.
    ///
    /// - Parameters:
    ///   - identity: all that the state depends on.
    ///   - shape: of the latents and of each tensor of the history.
    ///   - stepCount: of the whole loop.
    func file(identity: String, shape: Shape, stepCount: Int) -> CheckpointBytes {
        var writer = SafetensorsWriter()
        let digest = digest(identity, shape, stepCount)
        CheckpointFacts(identity: identity, step: step, stepCount: stepCount).write(digest: digest, to: &writer)
        writer.add("latents", shape.dims, latents)
        for (index, tensor) in history.enumerated() { writer.add("history.\(index)", shape.dims, tensor) }
        // Behind all else, for its length is any: numbers stay aligned.
        writer.add(CheckpointFacts.identityName, Array(identity.utf8))
        let file = writer.file
        return CheckpointBytes(header: file.header, data: file.data)
    }

    /// The state in a checkpoint of the same clip; nil for anything else: damaged, foreign, of another version.
    init?(_ bytes: HostBytes, identity: String, shape: Shape, plan: DenoisePlan) {
        guard let file = try? Safetensors(bytes, file: "checkpoint"),
            let (facts, kept) = CheckpointFacts.read(file, bytes), facts.identity == identity,
            facts.stepCount == plan.stepCount
        else { return nil }
        step = facts.step
        let names = (0..<plan.solver.historyCount(after: step)).map { "history.\($0)" }
        guard file.entries.count == names.count + 3 else { return nil }
        var tensors: [[Float]] = []
        for name in ["latents"] + names {
            guard let entry = file.entries[name], entry.dtypeName == "F32", entry.shape == shape.dims else {
                return nil
            }
            tensors.append(bytes[entry.range].floats)
        }
        latents = tensors.removeFirst()
        history = tensors
        guard digest(identity, shape, facts.stepCount) == kept else { return nil }
    }

    private func digest(_ identity: String, _ shape: Shape, _ stepCount: Int) -> UInt64 {
        var digest = Digest64()
        digest.add(identity.utf8)
        digest.add((shape.dims + [step, stepCount, history.count]).lazy.map { UInt64($0) })
        for tensor in [latents] + history { digest.add(tensor.lazy.map { UInt64($0.bitPattern) }) }
        return digest.value
    }
}

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

    private static let version: Int64 = 1

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
    func file(identity: String, shape: Shape) -> (header: [UInt8], data: [UInt8]) {
        var writer = SafetensorsWriter()
        writer.add("state", [3], [Self.version, Int64(step), Int64(bitPattern: digest(identity, shape))])
        writer.add("latents", shape.dims, latents)
        for (index, tensor) in history.enumerated() { writer.add("history.\(index)", shape.dims, tensor) }
        return writer.file
    }

    /// The state in a checkpoint of the same clip; nil for anything else: damaged, foreign, of another version.
    init?(_ bytes: HostBytes, identity: String, shape: Shape, plan: DenoisePlan) {
        guard let file = try? Safetensors(bytes, file: "checkpoint"),
            let state = file.entries["state"], state.dtypeName == "I64", state.shape == [3]
        else { return nil }
        let numbers = bytes[state.range].integers
        guard numbers[0] == Self.version, (1...Int64(plan.stepCount)).contains(numbers[1]) else { return nil }
        step = Int(numbers[1])
        let names = (0..<plan.solver.historyCount(after: step)).map { "history.\($0)" }
        guard file.entries.count == names.count + 2 else { return nil }
        var tensors: [[Float]] = []
        for name in ["latents"] + names {
            guard let entry = file.entries[name], entry.dtypeName == "F32", entry.shape == shape.dims else {
                return nil
            }
            tensors.append(bytes[entry.range].floats)
        }
        latents = tensors.removeFirst()
        history = tensors
        guard Int64(bitPattern: digest(identity, shape)) == numbers[2] else { return nil }
    }

    private func digest(_ identity: String, _ shape: Shape) -> UInt64 {
        var digest = Digest64()
        digest.add(identity.utf8)
        digest.add((shape.dims + [step, history.count]).lazy.map { UInt64($0) })
        for tensor in [latents] + history { digest.add(tensor.lazy.map { UInt64($0.bitPattern) }) }
        return digest.value
    }
}

package import Compute

/// Where the state of a denoise loop is kept while the loop runs.
package struct DenoiseCheckpoint {
    /// Steps from one checkpoint to the next; the last step always leaves one.
    package let everySteps: Int
    /// All that the result depends on: a state under another identity is not gone on from.
    package let identity: String
    /// The last file that was kept, nil where there is none.
    package let read: () -> HostBytes?
    /// Keeps a file in the place of the last.
    package let write: (_ header: [UInt8], _ data: [UInt8]) -> Void

    package init(
        everySteps: Int, identity: String, read: @escaping () -> HostBytes?,
        write: @escaping (_ header: [UInt8], _ data: [UInt8]) -> Void
    ) {
        self.everySteps = everySteps
        self.identity = identity
        self.read = read
        self.write = write
    }

    /// Bytes beyond the tensors that a file of ours can have.
    private static let headerBytes = 1 << 16

    /// The state that a loop over latents of `shape` left.
    func state(_ plan: DenoisePlan, _ shape: Shape) -> DenoiseState? {
        guard let bytes = read(), bytes.count <= 5 * shape.count * 4 + Self.headerBytes else { return nil }
        return DenoiseState(bytes, identity: identity, shape: shape, plan: plan)
    }

    func keep(_ state: DenoiseState, _ shape: Shape) {
        let (header, data) = state.file(identity: identity, shape: shape)
        write(header, data)
    }

    func isDue(after steps: Int, of count: Int) -> Bool { steps % max(everySteps, 1) == 0 || steps == count }
}

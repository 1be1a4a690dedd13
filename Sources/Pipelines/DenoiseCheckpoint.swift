package import Compute
package import VideoTypes

/// Where the state of a denoise loop is kept while the loop runs.
package struct DenoiseCheckpoint {
    /// Steps from one checkpoint to the next; the last step always leaves one.
    package let everySteps: Int
    /// All that the result depends on: a state under another identity is not gone on from.
    package let identity: String
    /// Thrown where there is a file, and no state of this clip in it; nil where the clip begins anew then.
    package let refusal: VideoError?
    /// The last file that was kept, nil where there is none.
    package let read: () -> HostBytes?
    /// Keeps a file in the place of the last.
    package let write: (CheckpointBytes) -> Void

    package init(
        everySteps: Int, identity: String, refusal: VideoError? = nil, read: @escaping () -> HostBytes?,
        write: @escaping (CheckpointBytes) -> Void
    ) {
        self.everySteps = everySteps
        self.identity = identity
        self.refusal = refusal
        self.read = read
        self.write = write
    }

    /// Bytes beyond the tensors and the identity that a file of ours can have.
    private static let headerBytes = 1 << 16

    /// The state that a loop over latents of `shape` left.
    func state(_ plan: DenoisePlan, _ shape: Shape) throws(VideoError) -> DenoiseState? {
        guard let bytes = read() else { return nil }
        let limit = 5 * shape.count * 4 + identity.utf8.count + Self.headerBytes
        if bytes.count <= limit, let state = DenoiseState(bytes, identity: identity, shape: shape, plan: plan) {
            return state
        }
        if let refusal { throw refusal }
        return nil
    }

    func keep(_ state: DenoiseState, _ shape: Shape, of stepCount: Int) {
        write(state.file(identity: identity, shape: shape, stepCount: stepCount))
    }

    func isDue(after steps: Int, of count: Int) -> Bool { steps % max(everySteps, 1) == 0 || steps == count }
}

import Compute
package import Pipelines
import VideoTypes
import Weights

/// How a clip is kept from being lost while it is made.
package struct ClipKeeping {
    /// Where the denoise loop keeps its state; nil for nowhere.
    package var place: CheckpointPlace?
    /// What is there must be of the same clip.
    package var isStrict = false
    /// Takes the latents that are decoded, for when that goes wrong.
    package var finished: FinishedLatents?
    /// Shown the clip while it is made.
    package var viewer: LatentViewer?
    /// Told what was done that nobody asked for.
    package var note: ((String) -> Void)?

    package init(
        place: CheckpointPlace? = nil, isStrict: Bool = false, finished: FinishedLatents? = nil,
        viewer: LatentViewer? = nil, note: ((String) -> Void)? = nil
    ) {
        self.place = place
        self.isStrict = isStrict
        self.finished = finished
        self.viewer = viewer
        self.note = note
    }
}

/// Keeps the state of one clip's denoise loop wherever it is wanted: on the disk, in memory, or in both.
final class StateKeeper {
    private let identity: String
    private let refusal: VideoError?
    private let file: CheckpointFile?
    private let finished: FinishedLatents?
    /// Whether a second try must be able to go on from any step.
    private let keepsSteps: Bool
    /// The last state, where it is kept in memory.
    private var last: HostBytes?

    /// - Parameter first: what to begin from; nil for what the file holds.
    init(
        identity: String, file: CheckpointFile? = nil, first: HostBytes? = nil, finished: FinishedLatents? = nil,
        keepsSteps: Bool = false, refusal: VideoError? = nil
    ) {
        self.identity = identity
        self.file = file
        self.finished = finished
        self.keepsSteps = keepsSteps
        self.refusal = refusal
        last = first
    }

    /// How the denoise loop gets at it.
    var checkpoint: DenoiseCheckpoint {
        DenoiseCheckpoint(
            everySteps: keepsSteps ? 1 : file?.everySteps ?? .max, identity: identity, refusal: refusal,
            read: { self.last ?? self.file?.read() }, write: { self.write($0) })
    }

    private func write(_ bytes: CheckpointBytes) {
        file?.write(bytes)
        guard keepsSteps || finished != nil else { return }
        let kept = HostBytes(bytes.all)
        if keepsSteps { last = kept }
        finished?.keep(kept)
    }

    /// The clip is there: nothing is to be gone on from.
    func remove() { file?.remove() }
}

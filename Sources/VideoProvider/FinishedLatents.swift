import Compute
import Media
import Pipelines
package import VideoTypes
import Weights

/// Latents that only have to be decoded, held until the clip is written.
package final class FinishedLatents {
    private var bytes: HostBytes?

    package init() {}

    func keep(_ bytes: HostBytes) { self.bytes = bytes }

    /// Whether the denoise loop has come to its end.
    package var isThere: Bool { bytes.flatMap { CheckpointFacts($0) }?.isFinished == true }

    /// Writes them under a name that is free: beside the clip, or where that cannot be, here or among temporary files.
    ///
    /// - Returns: the file's name.
    package func save(besides clip: String) throws(VideoError) -> String {
        guard let bytes, isThere else {
            throw VideoError(.internalError, "there are no latents to save", hint: "please report this")
        }
        let slash = clip.lastIndex(of: "/").map { clip.index(after: $0) } ?? clip.startIndex
        let dot = clip[slash...].lastIndex(of: ".") ?? clip.endIndex
        let name = String(clip[slash..<dot]) + Self.ending
        let content = bytes.copied
        var failure: VideoError?
        for folder in [String(clip[..<slash]), "", "/tmp/"] {
            do throws(MediaError) {
                let file = try PendingFile(try OutputTarget(folder + name, isClip: false, keepsExisting: true))
                try file.append(content)
                return try file.publish()
            } catch {
                failure = failure ?? error.videoError
            }
        }
        throw failure ?? VideoError(.outputFailed, "the latents cannot be saved", hint: "make room on the disk")
    }

    private static let ending = ".latents.safetensors"
}

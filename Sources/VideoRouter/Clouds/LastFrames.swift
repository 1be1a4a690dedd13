import Media
import Synchronization
import Threads
import VideoTypes

/// The last frames of clips that others go on from; the newest few are kept.
final class LastFrames: Sendable {
    private struct Kept: Sendable {
        let path: String
        let frame: Frame
        let png: ReferenceImage
        /// By the most bytes that they may have.
        var jpegs: [Int: ReferenceImage] = [:]

        /// nil where it has to be made first.
        func picture(_ limits: CloudModel.Pictures) -> ReferenceImage? {
            let fits = png.bytes.count <= limits.maxBytes && limits.formats.contains(.png)
            return fits || !limits.formats.contains(.jpeg) ? png : jpegs[limits.maxBytes]
        }
    }

    private let kept = Mutex<[Kept]>([])

    private static let mostKept = 4

    /// As PNG, without loss, where the model takes one of that size, else as the best JPEG that it does.
    ///
    /// nil for what is no clip, or not there.
    func picture(_ path: String, for limits: CloudModel.Pictures) async -> ReferenceImage? {
        let known = kept.withLock { list in list.first { $0.path == path } }
        if let picture = known?.picture(limits) { return picture }
        let made = await withCheckedContinuation { (continuation: CheckedContinuation<Kept?, Never>) in
            let thread = OwnThread { continuation.resume(returning: Self.made(path, known, limits)) }
            guard let thread else { return continuation.resume(returning: nil) }
            thread.detach()
        }
        guard let made else { return nil }
        kept.withLock { list in
            list.removeAll { $0.path == path }
            list.append(made)
            list.removeFirst(max(0, list.count - Self.mostKept))
        }
        return made.picture(limits)
    }

    private static func made(_ path: String, _ known: Kept?, _ limits: CloudModel.Pictures) -> Kept? {
        guard var kept = known ?? read(path) else { return nil }
        guard kept.picture(limits) == nil else { return kept }
        let jpeg = try? JPEGFile.bytes(kept.frame, atMost: limits.maxBytes)
        // What never fits is refused for its size.
        kept.jpegs[limits.maxBytes] =
            if let jpeg { ReferenceImage(bytes: jpeg, format: .jpeg, role: .first) } else { kept.png }
        return kept
    }

    private static func read(_ path: String) -> Kept? {
        do throws(MediaError) {
            let frames = try MP4Reader(path: path).facts().frames
            guard frames > 0, frames <= 2 * VideoRequest.Limits.frames.upperBound,
                let last = try MP4Reader(path: path).frames(at: [frames - 1], fittedInto: .max).first
            else { return nil }
            let png = ReferenceImage(bytes: PNGFile.bytes(last), format: .png, role: .first)
            return Kept(path: path, frame: last, png: png)
        } catch {
            return nil
        }
    }
}

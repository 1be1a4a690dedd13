import Media
import Synchronization
import Threads
import VideoTypes

/// The last frames of clips that others go on from; the newest few are kept.
final class LastFrames: Sendable {
    private let kept = Mutex<[(path: String, picture: ReferenceImage)]>([])

    private static let mostKept = 4

    /// nil for what is no clip, or not there.
    func picture(_ path: String) async -> ReferenceImage? {
        if let known = kept.withLock({ $0.first { $0.path == path }?.picture }) { return known }
        let picture = await withCheckedContinuation { (continuation: CheckedContinuation<ReferenceImage?, Never>) in
            let thread = OwnThread { continuation.resume(returning: Self.read(path)) }
            guard let thread else { return continuation.resume(returning: nil) }
            thread.detach()
        }
        guard let picture else { return nil }
        kept.withLock { list in
            list.append((path, picture))
            list.removeFirst(max(0, list.count - Self.mostKept))
        }
        return picture
    }

    private static func read(_ path: String) -> ReferenceImage? {
        do throws(MediaError) {
            let frames = try MP4Reader(path: path).facts().frames
            guard frames > 0, frames <= 2 * VideoRequest.Limits.frames.upperBound,
                let last = try MP4Reader(path: path).frames(at: [frames - 1], fittedInto: .max).first
            else { return nil }
            return ReferenceImage(bytes: PNGFile.bytes(last), format: .png, role: .first)
        } catch {
            return nil
        }
    }
}

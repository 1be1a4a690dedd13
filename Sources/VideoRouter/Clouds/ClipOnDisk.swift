import Media
import Threads
import VideoTypes

/// A file that came, looked at.
enum ClipOnDisk {
    /// Decodes it, off the threads that everybody shares; nil for what is no video.
    static func facts(_ path: String) async throws(ProviderError) -> ClipFacts? {
        let found = await withCheckedContinuation { (continuation: CheckedContinuation<Read, Never>) in
            let thread = OwnThread {
                continuation.resume(
                    returning: Result { () throws(MediaError) in try MP4Reader(path: path).facts() })
            }
            guard let thread else { return continuation.resume(returning: nil) }
            thread.detach()
        }
        switch found {
        case .success(let facts): return facts
        case .failure(.libraryMissing(let name, let reason)): throw .local("cannot open FFmpeg's \(name): \(reason)")
        case .failure: return nil
        case nil: throw .local("no thread to look at the clip")
        }
    }

    /// nil where there was no thread for it.
    private typealias Read = Result<ClipFacts, MediaError>?
}

import Synchronization

/// What requests with a body may take up together, so that connections and memory remain for the others.
final class UploadBudget: Sendable {
    private let maxUploads: Int
    private let maxBytes: Int
    private let used = Mutex((uploads: 0, bytes: 0))

    init(_ options: HTTPServerOptions) {
        maxUploads = options.maxUploads
        maxBytes = options.maxBodyBytesInMemory
    }

    /// False where another one of `bytes` is too much.
    func begin(bytes: Int) -> Bool {
        used.withLock { used in
            guard used.uploads < maxUploads, bytes <= maxBytes - used.bytes else { return false }
            used.uploads += 1
            used.bytes += bytes
            return true
        }
    }

    /// The body is here, or will never be.
    func received() {
        used.withLock { $0.uploads -= 1 }
    }

    /// The body's memory is free again.
    func release(bytes: Int) {
        used.withLock { $0.bytes -= bytes }
    }
}

import Synchronization
import Threads

/// What requests with a body may take up together, so that connections and memory remain for the others.
final class UploadBudget: Sendable {
    private struct Use {
        var uploads = 0
        var bytes = 0

        var isNone: Bool { uploads == 0 && bytes == 0 }
    }

    private let maxUploads: Int
    private let maxBytes: Int
    private let uses = Mutex((all: Use(), byParty: [String: Use]()))

    init(_ options: HTTPServerOptions) {
        maxUploads = options.maxUploads
        maxBytes = options.maxBodyBytesInMemory
    }

    /// False where another one of `bytes` is too much, in all or for this party.
    ///
    /// - Parameter party: nil where there is nobody to share with.
    func begin(bytes: Int, party: String?) -> Bool {
        uses.withLock { uses in
            guard uses.all.uploads < maxUploads, bytes <= maxBytes - uses.all.bytes else { return false }
            if let party, let own = uses.byParty[party] {
                let bytesLeft = maxBytes - uses.all.bytes - bytes
                guard FairShare.allows(held: own.uploads, free: maxUploads - uses.all.uploads),
                    own.bytes == 0 || own.bytes + bytes <= 3 * bytesLeft
                else { return false }
            }
            Self.add(1, bytes, party, &uses)
            return true
        }
    }

    /// The body is here, or will never be.
    func received(party: String?) {
        uses.withLock { Self.add(-1, 0, party, &$0) }
    }

    /// The body's memory is free again.
    func release(bytes: Int, party: String?) {
        uses.withLock { Self.add(0, -bytes, party, &$0) }
    }

    private static func add(
        _ uploads: Int, _ bytes: Int, _ party: String?, _ uses: inout (all: Use, byParty: [String: Use])
    ) {
        uses.all.uploads += uploads
        uses.all.bytes += bytes
        guard let party else { return }
        var own = uses.byParty[party] ?? Use()
        own.uploads += uploads
        own.bytes += bytes
        uses.byParty[party] = own.isNone ? nil : own
    }
}

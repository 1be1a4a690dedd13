import Glibc
import Synchronization

/// Room on the disk that is given up when the disk is full, so that the failures can still be written down.
final class Ballast: Sendable {
    static let bytes = 16 << 20
    private static let name = "ballast"

    private let folder: StateFolder
    private let isThere = Mutex(false)

    init(_ folder: StateFolder) {
        self.folder = folder
        refill()
    }

    /// Takes the room again, where plenty is free.
    func refill() {
        isThere.withLock { isThere in
            guard !isThere, let free = try? folder.freeBytes(), free >= 4 * Self.bytes else { return }
            guard let file = try? folder.file(Self.name) else { return }
            defer { close(file) }
            isThere = posix_fallocate(file, 0, Self.bytes) == 0
            if !isThere { folder.remove(Self.name) }
        }
    }

    /// Whether there was room to give up.
    func giveUp() -> Bool {
        isThere.withLock { isThere in
            defer { isThere = false }
            if isThere { folder.remove(Self.name) }
            return isThere
        }
    }
}

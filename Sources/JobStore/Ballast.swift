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
        isThere.withLock { $0 = folder.byteCount(Self.name) == Self.bytes }
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

    /// Does something that must not fail for want of room: gives up the ballast where the disk is full.
    func spending<T>(_ body: () throws(StoreError) -> T) throws(StoreError) -> T {
        do throws(StoreError) {
            return try body()
        } catch {
            guard error == .diskFull, giveUp() else { throw error }
            return try body()
        }
    }

    private func giveUp() -> Bool {
        isThere.withLock { isThere in
            defer { isThere = false }
            if isThere { folder.remove(Self.name) }
            return isThere
        }
    }
}

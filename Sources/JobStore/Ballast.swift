import Glibc
import Synchronization

/// Room on the disk that is given up when the disk is full, so that the failures can still be written down.
///
/// A file of zeros: one that holds anything else is not ours, and is left alone.
final class Ballast: Sendable {
    static let bytes = 16 << 20
    private static let name = "ballast"

    private let folder: StateFolder
    private let isThere: Mutex<Bool>

    init(_ folder: StateFolder) {
        self.folder = folder
        isThere = Mutex(folder.byteCount(Self.name) == Self.bytes)
    }

    /// Takes the room again, where plenty is free.
    func refill() {
        isThere.withLock { isThere in
            guard !isThere, let free = try? folder.freeBytes(), free >= 4 * Self.bytes else { return }
            // Half of one, which a start that was cut off left.
            removeZeros()
            guard let file = folder.newFile(Self.name) else { return }
            defer { close(file) }
            isThere = posix_fallocate(file, 0, Self.bytes) == 0
            if !isThere { removeZeros() }
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
            if isThere { removeZeros() }
            return isThere
        }
    }

    private func removeZeros() {
        if holdsZeros { folder.remove(Self.name) }
    }

    /// Whether there is a file of nothing but zeros.
    private var holdsZeros: Bool {
        guard let file = folder.existingFile(Self.name) else { return false }
        defer { close(file) }
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        var buffer = zeros
        var place = 0
        while place <= Self.bytes {
            let count = unsafe pread(file, &buffer, buffer.count, place)
            guard count > 0 else { return count == 0 }
            guard unsafe memcmp(buffer, zeros, count) == 0 else { return false }
            place += count
        }
        return false
    }
}

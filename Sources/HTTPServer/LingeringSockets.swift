import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Sockets that are read on for a moment after a refusal, though their connections are over.
///
/// A socket closed with unread bytes resets the connection, and the client may lose the answer that it was to get.
final class LingeringSockets: Sendable {
    private struct Place {
        let descriptor: Int32
        let deadline: Int
    }

    private let places = Mutex<[Place]>([])

    private static let milliseconds = 2000
    /// More than these are closed at once.
    private static let maxCount = 64
    private static let maxBytesPerTurn = 4 << 20

    deinit {
        end()
    }

    func add(copyOf socket: Int32) {
        let deadline = ConnectionWatch.monotonicMilliseconds() + Self.milliseconds
        places.withLock { places in
            guard places.count < Self.maxCount else { return }
            let copy = fcntl(socket, F_DUPFD_CLOEXEC, 0)
            if copy >= 0 { places.append(Place(descriptor: copy, deadline: deadline)) }
        }
    }

    /// Reads what has come, and closes those whose clients are gone or whose time is over.
    func sweep() {
        let now = ConnectionWatch.monotonicMilliseconds()
        places.withLock { places in
            places.removeAll { place in
                guard place.deadline <= now || Self.isGone(place.descriptor) else { return false }
                close(place.descriptor)
                return true
            }
        }
    }

    func end() {
        places.withLock { places in
            for place in places { close(place.descriptor) }
            places = []
        }
    }

    private static func isGone(_ socket: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        var left = maxBytesPerTurn
        while left > 0 {
            let count = unsafe recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return count == 0 || errno != EAGAIN && errno != EINTR }
            left -= count
        }
        return false
    }
}

#if canImport(Glibc)
import Glibc
#endif

/// Reads on for a moment after an answer that leaves a body unread.
///
/// A socket closed with unread bytes resets the connection, and the client may lose the answer that it was to get.
enum LingeringClose {
    private static let milliseconds = 2000
    private static let turnMilliseconds: Int32 = 200
    private static let maxBytes = 64 << 20

    static func drain(_ socket: Int32, until isOver: () -> Bool) {
        shutdown(socket, Int32(SHUT_WR))
        let end = ConnectionWatch.monotonicMilliseconds() + milliseconds
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        var left = maxBytes
        while left > 0, !isOver(), ConnectionWatch.monotonicMilliseconds() < end {
            var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&entry, 1, turnMilliseconds) > 0 else { continue }
            let count = unsafe recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return }
            left -= count
        }
    }
}

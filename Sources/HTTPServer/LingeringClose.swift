import Synchronization
import Threads

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

    /// How many are read on aside.
    private static let aside = Mutex(0)
    private static let mostAside = 64

    /// The same beside the thread of the connection, which may close the socket meanwhile.
    ///
    /// Where there are many already, the client may lose its answer.
    static func drainAside(_ socket: Int32, until isOver: @escaping @Sendable () -> Bool) {
        shutdown(socket, Int32(SHUT_WR))
        let isFree = aside.withLock { count in
            guard count < mostAside else { return false }
            count += 1
            return true
        }
        guard isFree else { return }
        let copy = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        let thread = OwnThread {
            if copy >= 0 { drain(copy, until: isOver) }
            end(copy)
        }
        if let thread { thread.detach() } else { end(copy) }
    }

    private static func end(_ copy: Int32) {
        if copy >= 0 { close(copy) }
        aside.withLock { $0 -= 1 }
    }

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

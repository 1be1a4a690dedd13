import Glibc
import VideoTypes

/// Wakes a thread that waits for descriptors.
final class Doorbell: Sendable {
    /// Readable from a ring until it is answered.
    let descriptor: Int32
    private let button: Int32

    init() throws(VideoError) {
        var ends: [Int32] = [-1, -1]
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        guard unsafe socketpair(AF_UNIX, Int32(kind), 0, &ends) == 0 else {
            throw VideoError(.internalError, "no more files can be opened", hint: "raise the limit: ulimit -n")
        }
        descriptor = ends[0]
        button = ends[1]
    }

    deinit {
        close(descriptor)
        close(button)
    }

    func ring() {
        // A full one rings already.
        var byte: UInt8 = 1
        unsafe _ = send(button, &byte, 1, Int32(MSG_NOSIGNAL))
    }

    func answer() {
        var bytes = [UInt8](repeating: 0, count: 64)
        while unsafe read(descriptor, &bytes, bytes.count) > 0 {}
    }

    /// Blocks until it rings, and leaves it ringing.
    func wait() {
        var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while unsafe poll(&one, 1, -1) < 1 {}
    }
}

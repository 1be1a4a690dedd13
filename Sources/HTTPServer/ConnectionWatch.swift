import Synchronization
import Threads

#if canImport(Glibc)
import Glibc
#endif

/// Knows what every connection is at, and cuts those that take too long over it.
///
/// The library only notices that nothing moves at all; one byte every few seconds would hold a connection for ever.
final class ConnectionWatch: Sendable {
    enum Phase: Equatable {
        /// Until a request's head is complete.
        case waiting
        case receiving
        case answering
    }

    private struct Connection {
        var phase: Phase
        /// In monotonic milliseconds.
        var deadline: Int?
    }

    private let connections = Mutex<[Int32: Connection]>([:])
    private let waitingMilliseconds: Int
    private let now: @Sendable () -> Int
    private let thread = Mutex<Sweeping?>(nil)

    private struct Sweeping {
        let thread: OwnThread
        /// Closed to end the thread.
        let wake: Int32
    }

    private static let sweepMilliseconds: Int32 = 250

    init(idleSeconds: Int, now: @escaping @Sendable () -> Int = ConnectionWatch.monotonicMilliseconds) {
        waitingMilliseconds = 2000 * idleSeconds
        self.now = now
    }

    var count: Int { connections.withLock { $0.count } }

    /// A connection begins, or has answered a request and waits for the next one.
    func waits(_ descriptor: Int32) {
        set(descriptor, .waiting, milliseconds: waitingMilliseconds)
    }

    /// The descriptor is about to be closed.
    func ended(_ descriptor: Int32) {
        connections.withLock { $0[descriptor] = nil }
    }

    /// nil: as long as it takes.
    func set(_ descriptor: Int32, _ phase: Phase, milliseconds: Int?) {
        let deadline = milliseconds.map { now() + $0 }
        connections.withLock { $0[descriptor] = Connection(phase: phase, deadline: deadline) }
    }

    /// Lets connections without a request end.
    func endWaiting() {
        connections.withLock { connections in
            for (descriptor, connection) in connections where connection.phase == .waiting {
                // What has come already is still read.
                shutdown(descriptor, Int32(SHUT_RD))
            }
        }
    }

    /// Cuts what is over its time.
    func sweep() {
        let now = now()
        connections.withLock { connections in
            for (descriptor, connection) in connections {
                guard let deadline = connection.deadline, deadline <= now else { continue }
                shutdown(descriptor, Int32(SHUT_RDWR))
                connections[descriptor]?.deadline = nil
            }
        }
    }

    /// Sweeps on a thread of its own; false where the system gives none.
    func start() -> Bool {
        var pair: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, type, 0, &pair) == 0 else { return false }
        let sweeper = Sweeper(watch: self, wake: pair[0])
        guard let thread = OwnThread({ sweeper.run() }) else {
            close(pair[1])
            return false
        }
        self.thread.withLock { $0 = Sweeping(thread: thread, wake: pair[1]) }
        return true
    }

    func stop() {
        guard let sweeping = thread.withLock({ $0.take() }) else { return }
        close(sweeping.wake)
        sweeping.thread.join()
    }

    private final class Sweeper: Sendable {
        private let watch: ConnectionWatch
        private let wake: Int32

        init(watch: ConnectionWatch, wake: Int32) {
            self.watch = watch
            self.wake = wake
        }

        deinit {
            close(wake)
        }

        func run() {
            var entry = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
            while unsafe poll(&entry, 1, ConnectionWatch.sweepMilliseconds) <= 0 { watch.sweep() }
        }
    }

    static func monotonicMilliseconds() -> Int {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}

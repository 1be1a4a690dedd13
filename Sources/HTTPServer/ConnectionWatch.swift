import Files
import Synchronization
import Threads

#if canImport(Glibc)
import Glibc
#endif

/// Knows what every connection is at, and cuts those that take too long over it.
///
/// The library's own limit is not used: one byte every few seconds would hold a connection for ever, and 1.0 would cut
/// by it a stream that has nothing to say.
final class ConnectionWatch: Sendable {
    enum Phase: Equatable {
        /// Until a request's head is complete.
        case waiting
        case receiving
        case answering
        /// The library has refused the request, and has been answered for.
        case refused
        /// Cut to make room for another one.
        case ending
    }

    private struct Connection {
        var phase: Phase
        /// In monotonic milliseconds; nil where nothing has to move either.
        var deadline: Int?
        var movement: Movement
        let peer: String
        /// Grows with every change of a phase: the smallest has waited longest.
        var turn: Int
    }

    /// When bytes came or arrived last, as far as it has been looked at.
    private struct Movement {
        var bytes: Int?
        var at: Int
        var nextLook: Int
    }

    private struct Address {
        var count = 0
        var line = WaitingLine()
    }

    private struct Connections {
        var all: [Int32: Connection] = [:]
        var addresses: [String: Address] = [:]
        var limit = Int.max
        var turn = 0

        mutating func waits(_ descriptor: Int32) {
            guard let connection = all[descriptor], connection.phase == .waiting else { return }
            let all = all
            addresses[connection.peer]?.line.append(descriptor, turn: connection.turn) { Self.waits(all, $0, $1) }
        }

        mutating func longestWaiting(of peer: String) -> Int32? {
            let all = all
            return addresses[peer]?.line.first { Self.waits(all, $0, $1) }
        }

        private static func waits(_ all: [Int32: Connection], _ descriptor: Int32, _ turn: Int) -> Bool {
            guard let connection = all[descriptor] else { return false }
            return connection.phase == .waiting && connection.turn == turn
        }
    }

    let lingering = LingeringSockets()
    private let connections = Mutex(Connections())
    private let idleMilliseconds: Int
    private let now: @Sendable () -> Int
    private let movedBytes: @Sendable (Int32) -> Int?
    private let thread = Mutex<Sweeping?>(nil)

    private struct Sweeping {
        let thread: OwnThread
        /// Closed to end the thread.
        let wake: Int32
    }

    private static let sweepMilliseconds: Int32 = 250
    /// In the time that a connection may be still.
    private static let looks = 4

    /// - Parameter movedBytes: of a connection since it began, both ways; nil where that is not known.
    init(
        idleSeconds: Int, now: @escaping @Sendable () -> Int = ConnectionWatch.monotonicMilliseconds,
        movedBytes: @escaping @Sendable (Int32) -> Int? = ConnectionWatch.bytesOfSystem
    ) {
        idleMilliseconds = 1000 * idleSeconds
        self.now = now
        self.movedBytes = movedBytes
    }

    private var waitingMilliseconds: Int { 2 * idleMilliseconds }

    var count: Int { connections.withLock { $0.all.count } }

    /// More connections than this end others.
    func limit(to count: Int) { connections.withLock { $0.limit = count } }

    /// A connection begins; where there are too many, another one ends.
    func began(_ descriptor: Int32) {
        let peer = PeerAddress.text(descriptor)
        let now = now()
        let deadline = now + waitingMilliseconds
        connections.withLock { connections in
            connections.turn += 1
            connections.all[descriptor] = Connection(
                phase: .waiting, deadline: deadline, movement: Movement(at: now, nextLook: now), peer: peer,
                turn: connections.turn)
            connections.addresses[peer, default: Address()].count += 1
            if connections.all.count > connections.limit {
                let victim = Self.victim(&connections) ?? descriptor
                shutdown(victim, Int32(SHUT_RDWR))
                connections.all[victim]?.phase = .ending
            }
            connections.waits(descriptor)
        }
    }

    /// Who makes room: of the address that has most, the one that waits longest without a request; where all are at
    /// work and one address has more than half of them, its oldest; nil for the newcomer, which is in no line yet.
    private static func victim(_ connections: inout Connections) -> Int32? {
        let peers = connections.addresses.map { (peer: $0.key, count: $0.value.count) }.sorted { $0.count > $1.count }
        for (peer, count) in peers {
            if let waiting = connections.longestWaiting(of: peer) { return waiting }
            guard count > connections.limit / 2 else { continue }
            let working = connections.all.filter { _, connection in
                connection.peer == peer && [.receiving, .answering].contains(connection.phase)
            }
            if let oldest = working.min(by: { $0.value.turn < $1.value.turn }) { return oldest.key }
        }
        return nil
    }

    /// A connection has answered a request and waits for the next one.
    func waits(_ descriptor: Int32) {
        set(descriptor, .waiting, milliseconds: waitingMilliseconds)
    }

    /// The descriptor is about to be closed.
    func ended(_ descriptor: Int32) {
        connections.withLock { connections in
            guard let connection = connections.all.removeValue(forKey: descriptor) else { return }
            connections.addresses[connection.peer]?.count -= 1
            if connections.addresses[connection.peer]?.count == 0 { connections.addresses[connection.peer] = nil }
        }
    }

    /// The numeric address of the other side.
    func peer(of descriptor: Int32) -> String { connections.withLock { $0.all[descriptor]?.peer } ?? "" }

    /// nil where there is no such connection.
    func phase(of descriptor: Int32) -> Phase? { connections.withLock { $0.all[descriptor]?.phase } }

    /// nil: as long as it takes.
    func set(_ descriptor: Int32, _ phase: Phase, milliseconds: Int?) {
        let now = now()
        let deadline = milliseconds.map { now + $0 }
        connections.withLock { connections in
            connections.turn += 1
            // One that is being ended stays so.
            guard connections.all[descriptor]?.phase != .ending else { return }
            connections.all[descriptor]?.phase = phase
            connections.all[descriptor]?.deadline = deadline
            connections.all[descriptor]?.movement.at = now
            connections.all[descriptor]?.turn = connections.turn
            connections.waits(descriptor)
        }
    }

    /// Lets connections without a request end.
    func endWaiting() {
        connections.withLock { connections in
            for (descriptor, connection) in connections.all where connection.phase == .waiting {
                // What has come already is still read.
                shutdown(descriptor, Int32(SHUT_RD))
            }
        }
    }

    /// Cuts every connection; whether all that are left are being worked for.
    func cutAll() -> Bool {
        connections.withLock { connections in
            for descriptor in connections.all.keys { shutdown(descriptor, Int32(SHUT_RDWR)) }
            return connections.all.values.allSatisfy { $0.phase == .answering }
        }
    }

    /// Cuts what is over its time, and where nothing has moved for too long.
    func sweep() {
        let now = now()
        connections.withLock { connections in
            for (descriptor, connection) in connections.all {
                guard let deadline = connection.deadline else { continue }
                var isStill = false
                if now >= connection.movement.nextLook {
                    let movement = movement(of: descriptor, after: connection.movement, now: now)
                    connections.all[descriptor]?.movement = movement
                    isStill = now - movement.at >= idleMilliseconds
                }
                guard deadline <= now || isStill else { continue }
                shutdown(descriptor, Int32(SHUT_RDWR))
                connections.all[descriptor]?.deadline = nil
            }
        }
    }

    private func movement(of descriptor: Int32, after last: Movement, now: Int) -> Movement {
        let bytes = movedBytes(descriptor)
        // Where it is not known, only the deadline counts.
        let hasMoved = bytes == nil || bytes != last.bytes
        return Movement(bytes: bytes, at: hasMoved ? now : last.at, nextLook: now + idleMilliseconds / Self.looks)
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
        lingering.end()
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
            while unsafe poll(&entry, 1, ConnectionWatch.sweepMilliseconds) <= 0 {
                watch.sweep()
                watch.lingering.sweep()
            }
        }
    }

    static func monotonicMilliseconds() -> Int {
        Int(SystemClock.monotonic() * 1000)
    }
}

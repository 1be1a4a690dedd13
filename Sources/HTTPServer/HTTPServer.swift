import CMicroHTTPD
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// An HTTP/1.1 server with a thread for each connection, behind a strict gate.
package final class HTTPServer: Sendable {
    /// The port it listens on.
    package let port: UInt16

    private let core: ServerCore
    private let socket: ListeningSocket
    private let daemon: Mutex<Daemon>

    // Safe: only touched under the lock.
    @safe private struct Daemon: @unchecked Sendable {
        /// nil once it is stopped.
        var pointer: OpaquePointer?
        var accepts = true
    }

    private static let turnMicroseconds: UInt32 = 5000
    private static let cutMilliseconds = 5000

    /// Listens and answers from now on.
    package init(_ options: HTTPServerOptions, handler: any HTTPHandler) throws(HTTPServerError) {
        let library = try MicroHTTPD()
        socket = try ListeningSocket(host: options.host, port: options.port)
        core = ServerCore(library, options, handler, socket)
        port = socket.port
        guard core.watch.start() else {
            close(socket.descriptor)
            throw .notStarted
        }
        var settings = unsafe Callbacks.options(core, socket)
        guard let pointer = unsafe cmh_start(library.pointer, &settings) else {
            core.watch.stop()
            close(socket.descriptor)
            throw .notStarted
        }
        daemon = unsafe Mutex(Daemon(pointer: pointer))
    }

    deinit {
        stop(afterSeconds: 0)
    }

    /// How many connections there are.
    package var connections: Int { core.watch.count }

    /// From now on `Host` may have these names, and the address itself.
    package func take(hostNames: Set<String>) { core.take(hostNames: hostNames) }

    /// Takes no new connections; those that exist go on, and end with their next answer.
    package func stopAccepting() {
        daemon.withLock { daemon in
            guard let pointer = unsafe daemon.pointer, daemon.accepts else { return }
            daemon.accepts = false
            core.isDraining.store(true, ordering: .relaxed)
            // Who connects from now on is refused at once instead of waiting in the backlog; the descriptor is closed
            // only when nobody can be polling it.
            unsafe _ = core.library.call.MHD_quiesce_daemon(pointer)
            shutdown(socket.descriptor, Int32(SHUT_RDWR))
        }
    }

    /// Ends streams and waiting connections, lets answers under way finish for up to `seconds`, then cuts them.
    ///
    /// Never to be called from a handler: it waits for the connections' threads.
    package func stop(afterSeconds seconds: Int) {
        stopAccepting()
        core.isStopping.store(true, ordering: .relaxed)
        let end = ConnectionWatch.monotonicMilliseconds() + 1000 * seconds
        while core.watch.count > 0, ConnectionWatch.monotonicMilliseconds() < end {
            core.watch.endWaiting()
            usleep(Self.turnMicroseconds)
        }
        // While it is being stopped, 0.9.75 falls over a refusal of its own: nothing is left that it could refuse.
        let last = ConnectionWatch.monotonicMilliseconds() + Self.cutMilliseconds
        while !core.watch.cutAll(), ConnectionWatch.monotonicMilliseconds() < last { usleep(Self.turnMicroseconds) }
        daemon.withLock { daemon in
            guard let pointer = unsafe daemon.pointer else { return }
            unsafe daemon.pointer = nil
            unsafe core.library.call.MHD_stop_daemon(pointer)
            core.watch.stop()
            close(socket.descriptor)
        }
    }
}

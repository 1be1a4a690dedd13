import CMicroHTTPD
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// What the library's callbacks share: who answers, and the limits that all connections have in common.
final class ServerCore: Sendable {
    let library: MicroHTTPD
    let options: HTTPServerOptions
    private let currentGate: Mutex<Gate>
    private let address: ListeningSocket.Address
    let handler: any HTTPHandler
    let watch: ConnectionWatch
    let budget: UploadBudget
    /// Answers end their connections.
    let isDraining = Atomic(false)
    /// Streams end.
    let isStopping = Atomic(false)

    init(_ library: MicroHTTPD, _ options: HTTPServerOptions, _ handler: any HTTPHandler, _ socket: ListeningSocket) {
        self.library = library
        self.options = options
        self.handler = handler
        address = socket.address
        currentGate = Mutex(Gate(options, address: address))
        watch = ConnectionWatch(idleSeconds: options.idleSeconds)
        budget = UploadBudget(options)
    }

    var gate: Gate { currentGate.withLock { $0 } }

    /// From now on `Host` may have these names.
    func take(hostNames: Set<String>) {
        var options = options
        options.hostNames = hostNames
        let gate = Gate(options, address: address)
        currentGate.withLock { $0 = gate }
    }

    func response(to refusal: GateRefusal) -> HTTPResponse {
        handler.refusal(status: refusal.status, code: refusal.code, message: refusal.message)
    }
}

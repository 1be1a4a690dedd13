import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// An answer in our words where the library is about to give its own, in HTML.
///
/// It tells before it sends: what is written to the connection then comes first, and is the last.
struct EarlierAnswer {
    private let core: ServerCore
    private let socket: Int32

    init(_ core: ServerCore, _ socket: Int32) {
        self.core = core
        self.socket = socket
    }

    func send(inPlaceOf status: Int) {
        // The library that is told to stop between its word and its answer fails of it: it is not kept from answering
        // for longer than a write takes, and not at all where it is about to stop.
        core.earlierAnswers.add(1, ordering: .sequentiallyConsistent)
        defer { core.earlierAnswers.subtract(1, ordering: .sequentiallyConsistent) }
        guard !core.isStopping.load(ordering: .sequentiallyConsistent) else { return }
        let phase = core.watch.phase(of: socket)
        let refusal = GateRefusal.ofLibrary(status, isInBody: phase == .receiving)
        // Written down whether or not there is somebody to tell.
        let response = core.response(to: refusal)
        guard phase != nil, case .bytes(let body) = response.body else { return }
        let fields =
            response.headers.fields + [
                ("Content-Length", "\(body.count)"), ("Connection", "close"), ("X-Content-Type-Options", "nosniff"),
                ("x-request-id", RequestID.random()),
            ]
        let lines = ["HTTP/1.1 \(refusal.status) \(refusal.code)"] + fields.map { "\($0.name): \($0.value)" }
        send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
        LingeringClose.drainAside(socket) { [core] in core.isStopping.load(ordering: .relaxed) }
    }

    /// The client gets what it takes at once: it is about to be left.
    private func send(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes {
            unsafe _ = Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
    }
}

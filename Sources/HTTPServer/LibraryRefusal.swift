#if canImport(Glibc)
import Glibc
#endif

/// Answers in the handler's words what the library refuses by itself, for which it has only HTML.
///
/// Its own answer then finds the connection's sending end closed.
enum LibraryRefusal {
    private static let sendMilliseconds = 2000
    private static let turnMilliseconds: Int32 = 200

    /// On the connection's thread, before the library answers.
    static func answer(_ core: ServerCore, socket: Int32, status: Int) {
        // In any other phase an answer is under way already.
        guard let phase = core.watch.phase(of: socket), phase == .waiting || phase == .receiving else { return }
        core.watch.set(socket, .answering, milliseconds: 1000 * core.options.idleSeconds)
        let refusal = refusal(status, of: phase, core.options)
        let response = core.response(to: refusal)
        send(bytes(of: response), to: socket)
        LingeringClose.drain(socket) { core.isStopping.load(ordering: .relaxed) }
    }

    /// - Parameter phase: what the connection was at when the library stumbled.
    private static func refusal(
        _ status: Int, of phase: ConnectionWatch.Phase, _ options: HTTPServerOptions
    ) -> GateRefusal {
        switch status {
        case 413: .bodyTooLarge(limit: options.maxBodyBytes)
        case 414: .targetTooLong
        case 431: .headerTooLarge
        case 500, 503: .internalError
        case 505: .versionNotSupported
        default:
            .malformed(
                phase == .receiving
                    ? "the body's chunks are malformed; send Content-Length, or chunks without extensions"
                    : "the request's head is not well-formed HTTP/1.1")
        }
    }

    private static func bytes(of response: HTTPResponse) -> [UInt8] {
        let body = if case .bytes(let bytes) = response.body { bytes } else { [UInt8]() }
        let fields =
            response.headers.fields + [
                ("X-Content-Type-Options", "nosniff"), ("x-request-id", RequestID.random()), ("Date", date()),
                ("Content-Length", "\(body.count)"), ("Connection", "close"),
            ]
        let lines = ["HTTP/1.1 \(response.status) \(reason(response.status))"] + fields.map { "\($0): \($1)" }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 400: "Bad Request"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 505: "HTTP Version Not Supported"
        default: "Refused"
        }
    }

    private static func date() -> String {
        var now = unsafe time(nil)
        var parts = tm()
        unsafe gmtime_r(&now, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][Int(parts.tm_wday)]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map(two).joined(separator: ":")
        return "\(day), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + Int(parts.tm_year)) \(clock) GMT"
    }

    /// All of it, or as much as a client takes that does not read.
    private static func send(_ bytes: [UInt8], to socket: Int32) {
        var rest = bytes[...]
        let end = ConnectionWatch.monotonicMilliseconds() + sendMilliseconds
        while !rest.isEmpty, ConnectionWatch.monotonicMilliseconds() < end {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else {
                guard errno == EAGAIN || errno == EINTR else { return }
                var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
                unsafe _ = poll(&entry, 1, turnMilliseconds)
            }
        }
    }
}

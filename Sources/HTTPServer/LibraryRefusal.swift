#if canImport(Glibc)
import Glibc
#endif

/// Answers in the handler's words what the library refuses by itself, for which it has only HTML.
///
/// Its own answer then finds the connection's sending end closed.
enum LibraryRefusal {
    /// On the connection's thread, before the library answers.
    static func answer(_ core: ServerCore, socket: Int32, status: Int) {
        // In any other phase an answer is under way already.
        guard let phase = core.watch.phase(of: socket), phase == .waiting || phase == .receiving else { return }
        core.watch.set(socket, .refused, milliseconds: 1000 * core.options.idleSeconds)
        let refusal = refusal(status, of: phase, core.options)
        let bytes = bytes(of: core.response(to: refusal))
        // What does not fit at once belongs to a client that does not read.
        unsafe _ = bytes.withUnsafeBytes {
            unsafe Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        shutdown(socket, Int32(SHUT_WR))
        core.watch.lingering.add(copyOf: socket)
    }

    /// - Parameter phase: what the connection was at when the library stumbled.
    private static func refusal(
        _ status: Int, of phase: ConnectionWatch.Phase, _ options: HTTPServerOptions
    ) -> GateRefusal {
        switch status {
        case 413: .bodyTooLarge(limit: options.maxBodyBytes)
        case 414: .targetTooLong
        case 431: .headerTooLarge
        // In a body that is the line of a chunk for which the library has no room.
        case 500 where phase != .receiving: .internalError
        case 503: .internalError
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
        var now = time(nil)
        var parts = unsafe tm()
        var text = [CChar](repeating: 0, count: 64)
        unsafe gmtime_r(&now, &parts)
        let count = unsafe strftime(&text, 64, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

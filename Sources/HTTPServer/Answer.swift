import CMicroHTTPD
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Hands a response over to the library.
@safe struct Answer {
    private let core: ServerCore
    private let connection: OpaquePointer
    private let socket: Int32
    private let id: String

    /// A client slower than this in reading an answer holds its connection for nothing.
    private static let minBytesPerSecond = 4096

    private enum Content {
        case bytes([UInt8])
        case descriptor(HTTPFile, offset: Int, count: Int)
        case stream(@Sendable () -> [UInt8]?)
    }

    init(_ core: ServerCore, _ connection: OpaquePointer, socket: Int32, id: String) {
        self.core = core
        unsafe self.connection = connection
        self.socket = socket
        self.id = id
    }

    /// False where the connection has to be cut.
    func send(_ response: HTTPResponse, to request: HTTPRequest?) -> Bool {
        switch response.body {
        case .bytes(let bytes): send(readable(response, by: request?.origin), .bytes(bytes))
        case .stream(let next): send(readable(response, by: request?.origin), .stream(next))
        case .file(let file): send(readable(response, by: request?.origin), file, to: request)
        }
    }

    /// Lets pages of another site that may ask also read what is answered.
    private func readable(_ response: HTTPResponse, by origin: String?) -> HTTPResponse {
        guard !core.options.origins.isEmpty else { return response }
        var response = response
        response.headers.add("Vary", "Origin")
        guard let origin else { return response }
        response.headers.add("Access-Control-Allow-Origin", origin)
        let names = response.headers.fields.map(\.name).filter { !$0.hasPrefix("Access-Control-") && $0 != "Vary" }
        let own = ["x-request-id", "ETag", "Content-Range", "Accept-Ranges"]
        response.headers.add("Access-Control-Expose-Headers", (names + own).joined(separator: ", "))
        return response
    }

    private func send(_ response: HTTPResponse, _ file: HTTPFile, to request: HTTPRequest?) -> Bool {
        let selection = FileSelection(
            method: request?.method ?? "", headers: request?.headers ?? HTTPHeaders(), byteCount: file.byteCount,
            entityTag: file.entityTag)
        var response = response
        response.headers.add("ETag", "\"\(file.entityTag)\"")
        response.headers.add("Accept-Ranges", "bytes")
        var content = Content.bytes([])
        switch selection {
        case .whole:
            content = file.byteCount > 0 ? .descriptor(file, offset: 0, count: file.byteCount) : content
        case .part(let range):
            response.status = 206
            response.headers.add("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound)/\(file.byteCount)")
            content = .descriptor(file, offset: range.lowerBound, count: range.count)
        case .notModified:
            response.status = 304
            return send(response, content)
        case .unsatisfiable:
            var refusal = core.response(to: .rangeNotSatisfiable)
            refusal.headers.add("Content-Range", "bytes */\(file.byteCount)")
            return send(refusal, to: nil)
        }
        response.headers.add("Content-Type", file.mediaType)
        return send(response, content)
    }

    private func send(_ response: HTTPResponse, _ content: Content) -> Bool {
        guard let answer = unsafe make(content) else { return sendInternalError() }
        defer { unsafe core.library.call.MHD_destroy_response(answer) }
        var headers = response.headers
        headers.add("X-Content-Type-Options", "nosniff")
        headers.add("x-request-id", id)
        if response.closes || isStream(content) || core.isDraining.load(ordering: .relaxed) {
            headers.add("Connection", "close")
        }
        guard 200...599 ~= response.status, unsafe add(headers, to: answer) else { return sendInternalError() }
        watch(content)
        return unsafe core.library.call.MHD_queue_response(connection, UInt32(response.status), answer) == .YES
    }

    /// In place of an answer that cannot be sent as it is.
    private func sendInternalError() -> Bool {
        guard let answer = unsafe cmh_response(core.library.pointer, nil, 0) else { return false }
        defer { unsafe core.library.call.MHD_destroy_response(answer) }
        unsafe _ = add(HTTPHeaders([("x-request-id", id), ("Connection", "close")]), to: answer)
        return unsafe core.library.call.MHD_queue_response(connection, 500, answer) == .YES
    }

    private func isStream(_ content: Content) -> Bool {
        if case .stream = content { true } else { false }
    }

    /// From here on the client has to read.
    private func watch(_ content: Content) {
        let count: Int
        switch content {
        case .stream: count = 0
        case .bytes(let bytes): count = bytes.count
        case .descriptor(_, _, let bytes): count = bytes
        }
        let seconds = core.options.idleSeconds + count / Self.minBytesPerSecond
        core.watch.set(socket, .answering, milliseconds: 1000 * seconds)
    }

    private func add(_ headers: HTTPHeaders, to answer: OpaquePointer) -> Bool {
        for (name, value) in headers.fields {
            guard HTTPToken.isToken(name), value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
                unsafe core.library.call.MHD_add_response_header(answer, name, value) == .YES
            else { return false }
        }
        return true
    }

    private func size(_ descriptor: Int32) -> Int {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    private func make(_ content: Content) -> OpaquePointer? {
        switch content {
        case .bytes(let bytes):
            return unsafe bytes.withUnsafeBufferPointer {
                unsafe cmh_response(core.library.pointer, $0.baseAddress, $0.count)
            }
        case .descriptor(let file, let offset, let count):
            // Where bytes are missing, the library would try again and again.
            guard size(file.descriptor) >= offset + count else { return nil }
            // The library closes its own one.
            let copy = fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else { return nil }
            let answer = unsafe core.library.call.MHD_create_response_from_fd_at_offset64(
                UInt64(count), copy, UInt64(offset))
            if unsafe answer == nil { close(copy) }
            return unsafe answer
        case .stream(let next):
            let stream = unsafe Unmanaged.passRetained(StreamTurns(core, socket: socket, next: next))
            let answer = unsafe cmh_stream(
                core.library.pointer, StreamTurns.read, stream.toOpaque(), StreamTurns.release)
            if unsafe answer == nil { unsafe stream.release() }
            return unsafe answer
        }
    }
}

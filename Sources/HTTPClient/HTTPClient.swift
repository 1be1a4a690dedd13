import CCurl
import Files
import Synchronization
import Threads

/// Calls servers: http and https, certificates always verified, no proxy, no cookies, nothing followed unless asked.
package final class HTTPClient: Sendable {
    private let userAgent: String
    /// A file of certificates to trust instead of the system's.
    private let authorities: String?
    private let idle = Mutex<[CurlHandle]>([])

    private static let maxIdle = 4

    package init(userAgent: String = "wan-infer", authorities: String? = nil) {
        self.userAgent = userAgent
        self.authorities = authorities
    }

    /// Blocks until the whole answer is in memory.
    package func perform(
        _ call: HTTPCall, cancellation: HTTPCancellation? = nil
    ) throws(HTTPClientError) -> HTTPAnswer {
        let transfer = Transfer(
            maxBytes: call.maxBytes, peers: call.destination?.peers, cancellation: cancellation, save: nil)
        try run(call, transfer)
        return HTTPAnswer(status: transfer.status, headers: transfer.headers, body: transfer.body)
    }

    /// Blocks until the body of a successful answer lies at `path`, whole and on the disk; any other is in memory.
    ///
    /// - Parameter each: handed what comes, in order, as for a digest.
    package func save(
        _ call: HTTPCall, to path: String, cancellation: HTTPCancellation? = nil,
        each: ([UInt8]) -> Void = { _ in }
    ) throws(HTTPClientError) -> HTTPAnswer {
        let file = try Self.written { () throws(FileFailure) in try NewFile(path) }
        return try withoutActuallyEscaping(each) { each throws(HTTPClientError) in
            let transfer = Transfer(
                maxBytes: call.maxBytes, peers: call.destination?.peers, cancellation: cancellation
            ) { _, bytes throws(HTTPClientError) in
                try Self.written { () throws(FileFailure) in try file.append(bytes) }
                each(bytes)
            }
            try run(call, transfer)
            guard transfer.isSaving else {
                return HTTPAnswer(status: transfer.status, headers: transfer.headers, body: transfer.body)
            }
            try Self.written { () throws(FileFailure) in try file.publish() }
            return HTTPAnswer(status: transfer.status, headers: transfer.headers, savedBytes: transfer.savedBytes)
        }
    }

    /// Blocks until the body of a successful answer has been taken, piece by piece; any other is in memory.
    ///
    /// - Parameter take: handed the head of the answer with every piece; what it throws ends the call.
    package func stream(
        _ call: HTTPCall, cancellation: HTTPCancellation? = nil,
        take: (_ head: HTTPAnswer, _ bytes: [UInt8]) throws(HTTPClientError) -> Void
    ) throws(HTTPClientError) -> HTTPAnswer {
        try withoutActuallyEscaping(take) { take throws(HTTPClientError) in
            let transfer = Transfer(
                maxBytes: call.maxBytes, peers: call.destination?.peers, cancellation: cancellation
            ) { transfer, bytes throws(HTTPClientError) in
                try take(HTTPAnswer(status: transfer.status, headers: transfer.headers), bytes)
            }
            try run(call, transfer)
            return HTTPAnswer(
                status: transfer.status, headers: transfer.headers, body: transfer.body,
                savedBytes: transfer.isSaving ? transfer.savedBytes : nil)
        }
    }

    private static func written<T>(_ work: () throws(FileFailure) -> T) throws(HTTPClientError) -> T {
        do throws(FileFailure) {
            return try work()
        } catch {
            throw .fileFailed(error)
        }
    }

    /// `perform` on a thread of its own; ends within a second when the task is cancelled.
    package func answer(to call: HTTPCall) async throws(HTTPClientError) -> HTTPAnswer {
        try await onOwnThread { cancellation throws(HTTPClientError) in
            try self.perform(call, cancellation: cancellation)
        }
    }

    /// `save` on a thread of its own; ends within a second when the task is cancelled.
    package func download(
        _ call: HTTPCall, to path: String, each: @escaping @Sendable ([UInt8]) -> Void = { _ in }
    ) async throws(HTTPClientError) -> HTTPAnswer {
        try await onOwnThread { cancellation throws(HTTPClientError) in
            try self.save(call, to: path, cancellation: cancellation, each: each)
        }
    }

    private func onOwnThread(
        _ work: @escaping @Sendable (HTTPCancellation) throws(HTTPClientError) -> HTTPAnswer
    ) async throws(HTTPClientError) -> HTTPAnswer {
        let cancellation = HTTPCancellation()
        let result: Result<HTTPAnswer, HTTPClientError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let thread = OwnThread {
                    continuation.resume(
                        returning: Result { () throws(HTTPClientError) in try work(cancellation) })
                }
                guard let thread else {
                    return continuation.resume(returning: .failure(.unreachable("no thread for the call")))
                }
                thread.detach()
            }
        } onCancel: {
            cancellation.cancel()
        }
        return try result.get()
    }

    private func run(_ call: HTTPCall, _ transfer: Transfer) throws(HTTPClientError) {
        let handle = if let handle = idle.withLock({ $0.popLast() }) { handle } else { try CurlHandle() }
        defer {
            handle.forget()
            idle.withLock { if $0.count < Self.maxIdle { $0.append(handle) } }
        }
        try prepare(call, handle)
        try handle.perform(transfer)
    }

    private func prepare(_ call: HTTPCall, _ handle: CurlHandle) throws(HTTPClientError) {
        try handle.set(CURLOPT_NOSIGNAL, 1)
        try handle.set(CURLOPT_URL, call.address.text)
        try handle.set(CURLOPT_PROTOCOLS_STR, call.address.isSecure ? "https" : "http")
        try handle.set(CURLOPT_REDIR_PROTOCOLS_STR, call.address.isSecure ? "https" : "http,https")
        try handle.set(CURLOPT_FOLLOWLOCATION, call.maxRedirects > 0 ? 1 : 0)
        try handle.set(CURLOPT_MAXREDIRS, call.maxRedirects)
        try handle.set(CURLOPT_PATH_AS_IS, 1)
        // The environment's proxies would connect to where they like.
        try handle.set(CURLOPT_PROXY, "")
        try handle.set(CURLOPT_SSL_VERIFYPEER, 1)
        try handle.set(CURLOPT_SSL_VERIFYHOST, 2)
        if let authorities { try handle.set(CURLOPT_CAINFO, authorities) }
        try handle.set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds: call.connectSeconds)
        if let seconds = call.totalSeconds { try handle.set(CURLOPT_TIMEOUT_MS, milliseconds: seconds) }
        try handle.set(CURLOPT_LOW_SPEED_LIMIT, 1)
        try handle.set(CURLOPT_LOW_SPEED_TIME, Int(min(max(call.idleSeconds, 1), 1_000_000).rounded(.up)))
        try handle.set(CURLOPT_USERAGENT, userAgent)
        try handle.set(CURLOPT_HTTPHEADER, list: try Self.lines(call.headers))
        if let destination = call.destination { try pin(destination, handle) }
        switch (call.method, call.body) {
        case (.get, .none): try handle.set(CURLOPT_HTTPGET, 1)
        case (.delete, .none): try handle.set(CURLOPT_CUSTOMREQUEST, "DELETE")
        case (.post, .none): try handle.set(body: [])
        case (.put, .none):
            try handle.set(body: [])
            try handle.set(CURLOPT_CUSTOMREQUEST, "PUT")
        case (.post, .bytes(let bytes)): try handle.set(body: bytes)
        case (.post, .form(let parts)): try handle.set(form: parts)
        default: throw .invalidCall("\(call.method.rawValue) takes no body")
        }
        // libcurl sends again when a kept connection turns out to be dead; what makes work goes out once.
        if call.method == .post { try handle.set(CURLOPT_FRESH_CONNECT, 1) }
    }

    /// Connects to what was checked, over a connection that nobody else made or will use.
    private func pin(_ destination: CheckedAddress, _ handle: CurlHandle) throws(HTTPClientError) {
        let address = destination.address
        if address.literal == nil {
            let peers = destination.peers.map { $0.isIPv6 ? "[\($0)]" : "\($0)" }.joined(separator: ",")
            try handle.set(CURLOPT_RESOLVE, list: ["\(address.host):\(address.port):\(peers)"])
        }
        try handle.set(CURLOPT_FRESH_CONNECT, 1)
        try handle.set(CURLOPT_FORBID_REUSE, 1)
    }

    private static func lines(_ headers: [(name: String, value: String)]) throws(HTTPClientError) -> [String] {
        // No wait for "100 Continue".
        var lines = ["Expect:"]
        for (name, value) in headers {
            let isName = !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
            guard isName, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw .invalidCall("a header holds a character that it must not")
            }
            // libcurl takes a name without a value as an order to leave the header out, and ";" for an empty value.
            lines.append(value.isEmpty ? "\(name);" : "\(name): \(value)")
        }
        return lines
    }
}

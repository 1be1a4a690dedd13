import Foundation

/// One TCP connection, byte for byte.
package final class RawClient {
    private let socket: Int32
    /// What has come and is not taken yet.
    private var buffer: [UInt8] = []
    /// How long nothing may come.
    package static let patience = Patience.seconds

    package enum End: Equatable {
        case closed
        case reset
        case silent
    }

    package struct Answer {
        package var status = 0
        package var headers: [(name: String, value: String)] = []
        package var body: [UInt8] = []

        package init(status: Int, headers: [(name: String, value: String)] = []) {
            self.status = status
            self.headers = headers
        }

        package subscript(name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }

        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    package struct Failure: Error {
        package let call: String
        package let code: Int32
    }

    /// - Parameter from: an address of this machine to come from.
    package init(
        port: UInt16, host: String = "127.0.0.1", from: String? = nil, receiveBuffer: Int32? = nil
    ) throws {
        socket = Glibc.socket(host.contains(":") ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { throw Failure(call: "socket", code: errno) }
        if var size = receiveBuffer {
            unsafe setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        if let from {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            unsafe inet_pton(AF_INET, from, &address.sin_addr)
            let isBound = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            guard isBound else { throw Failure(call: "bind", code: errno) }
        }
        let status: Int32
        if host.contains(":") {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            unsafe inet_pton(AF_INET6, host, &address.sin6_addr)
            status = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            unsafe inet_pton(AF_INET, host, &address.sin_addr)
            status = unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        // The socket is closed by deinit, which runs for this failure too.
        guard status == 0 else { throw Failure(call: "connect", code: errno) }
    }

    deinit {
        close(socket)
    }

    /// False where the other side takes no more.
    @discardableResult
    package func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @discardableResult
    package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    package func endSending() {
        shutdown(socket, Int32(SHUT_WR))
    }

    /// Ends the connection with a reset instead of an orderly close; nothing may be done after it but letting go.
    package func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Everything until the end of the connection.
    package func rest(seconds: Double = RawClient.patience) -> (bytes: [UInt8], end: End) {
        while true {
            if let end = more(seconds: seconds) {
                defer { buffer = [] }
                return (buffer, end)
            }
        }
    }

    /// The next answer; nil where the connection ends or falls silent before its end.
    package func answer(toHead: Bool = false, seconds: Double = RawClient.patience) -> Answer? {
        guard var answer = head(seconds: seconds) else { return nil }
        // A provisional answer has no body and another one follows.
        if answer.status == 100 { return answer }
        if toHead || answer.status == 304 || answer.status == 204 { return answer }
        if answer["Transfer-Encoding"]?.lowercased() == "chunked" {
            guard let body = chunks(seconds: seconds) else { return nil }
            answer.body = body
        } else if let length = answer["Content-Length"].flatMap({ Int($0) }) {
            guard let body = take(length, seconds: seconds) else { return nil }
            answer.body = body
        } else {
            answer.body = rest(seconds: seconds).bytes
        }
        return answer
    }

    /// The status line and the header.
    package func head(seconds: Double = RawClient.patience) -> Answer? {
        guard let first = line(seconds: seconds), first.hasPrefix("HTTP/1."),
            let status = Int(first.dropFirst(9).prefix(3))
        else { return nil }
        var answer = Answer(status: status)
        while let line = line(seconds: seconds), !line.isEmpty {
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            answer.headers.append((String(line[..<colon]), value))
        }
        return answer
    }

    /// The next piece of a body in chunks; empty at its end, nil where the connection ends before.
    package func chunk(seconds: Double = RawClient.patience) -> [UInt8]? {
        guard let size = line(seconds: seconds).flatMap({ Int($0, radix: 16) }),
            let bytes = take(size, seconds: seconds), line(seconds: seconds) == ""
        else { return nil }
        return bytes
    }

    package func take(_ count: Int, seconds: Double = RawClient.patience) -> [UInt8]? {
        while buffer.count < count {
            guard more(seconds: seconds) == nil else { return nil }
        }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    private func chunks(seconds: Double) -> [UInt8]? {
        var body: [UInt8] = []
        while let chunk = chunk(seconds: seconds) {
            if chunk.isEmpty { return body }
            body += chunk
        }
        return nil
    }

    private func line(seconds: Double) -> String? {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line = buffer[..<end]
                buffer.removeFirst(end + 1)
                return String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
            }
            guard more(seconds: seconds) == nil else { return nil }
        }
    }

    /// Waits for more bytes; how the connection ended where none came.
    private func more(seconds: Double) -> End? {
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&entry, 1, Int32(seconds * 1000)) > 0 else { return .silent }
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        let count = unsafe recv(socket, &piece, piece.count, 0)
        if count < 0 { return .reset }
        if count == 0 { return .closed }
        buffer += piece[..<count]
        return nil
    }
}

package import Foundation
import Glibc
import Synchronization

/// A server of one test: every request is handed to a closure, whose bytes are the whole answer, well-formed or not.
package final class ScriptedServer: Sendable {
    package struct Request: Sendable {
        package let method: String
        package let target: String
        /// Names in lower case.
        package let headers: [String: String]
        package let body: [UInt8]

        package var text: String { String(decoding: body, as: UTF8.self) }
    }

    /// What is sent back, piece by piece; then the connection is closed.
    package struct Reply: Sendable {
        package var pieces: [[UInt8]]
        /// How long to wait in front of every piece, and behind the last.
        package var pause: TimeInterval = 0
        /// Whether the connection stays open for another request.
        package var keepsOpen = false

        package init(raw: String) { pieces = [Array(raw.utf8)] }

        package init(_ status: Int, _ headers: [String: String] = [:], body: [UInt8]) {
            let lines = headers.map { "\($0): \($1)\r\n" }.joined()
            let head = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.count)\r\n\(lines)\r\n"
            pieces = [Array(head.utf8) + body]
        }

        package init(_ status: Int = 200, _ headers: [String: String] = [:], _ text: String = "") {
            self.init(status, headers, body: Array(text.utf8))
        }
    }

    package let port: UInt16
    private let listener: Int32
    private let answer: @Sendable (Request) -> Reply
    private let seen = Mutex<[Request]>([])
    private let connections = Mutex(0)

    package init(_ answer: @escaping @Sendable (Request) -> Reply) throws {
        self.answer = answer
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { peer in
                guard unsafe bind(listener, peer, length) == 0, listen(listener, 64) == 0 else { return Int32(-1) }
                return unsafe getsockname(listener, peer, &length)
            }
        }
        guard status == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        port = UInt16(bigEndian: address.sin_port)
        self.listener = listener
        Thread.detachNewThread { [weak self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else {
                    close(listener)
                    return
                }
                guard let server = self else {
                    close(connection)
                    return
                }
                server.connections.withLock { $0 += 1 }
                Thread.detachNewThread { server.serve(connection) }
            }
        }
    }

    deinit {
        // Wakes the thread that accepts; it closes the socket, whose number somebody else could get meanwhile.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    package var url: String { "http://127.0.0.1:\(port)" }

    /// Calls `body` when a request has come, on a thread of its own: other tests cannot keep it waiting.
    package func atFirstRequest(_ body: @escaping @Sendable () -> Void) {
        Thread.detachNewThread { [weak self] in
            while let server = self, server.requests.isEmpty { usleep(2000) }
            body()
        }
    }

    /// What has come so far.
    package var requests: [Request] { seen.withLock { $0 } }

    package var connectionCount: Int { connections.withLock { $0 } }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var buffer: [UInt8] = []
        while let request = Self.read(connection, &buffer) {
            seen.withLock { $0.append(request) }
            let reply = answer(request)
            for piece in reply.pieces {
                if reply.pause > 0 { Thread.sleep(forTimeInterval: reply.pause) }
                guard Self.write(connection, piece) else { return }
            }
            guard reply.keepsOpen else {
                if reply.pause > 0 { Thread.sleep(forTimeInterval: reply.pause) }
                return
            }
        }
    }

    private static func read(_ connection: Int32, _ buffer: inout [UInt8]) -> Request? {
        let end = Array("\r\n\r\n".utf8)
        while true {
            if let head = buffer.firstRange(of: end) {
                let lines = String(decoding: buffer[..<head.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
                var headers: [String: String] = [:]
                for line in lines.dropFirst() {
                    let colon = line.firstIndex(of: ":") ?? line.endIndex
                    headers[line[..<colon].lowercased()] = line[colon...].dropFirst().trimmingCharacters(
                        in: .whitespaces)
                }
                let length = headers["content-length"].flatMap { Int($0) } ?? 0
                if buffer.count >= head.upperBound + length {
                    let words = lines[0].split(separator: " ").map(String.init)
                    let body = Array(buffer[head.upperBound..<(head.upperBound + length)])
                    buffer.removeFirst(head.upperBound + length)
                    return Request(method: words[0], target: words[1], headers: headers, body: body)
                }
            }
            var piece = [UInt8](repeating: 0, count: 65536)
            let count = unsafe piece.withUnsafeMutableBytes { unsafe recv(connection, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { return nil }
            buffer += piece[..<count]
        }
    }

    private static func write(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}

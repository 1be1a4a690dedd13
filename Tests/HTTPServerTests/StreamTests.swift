import Foundation
import HTTPServer
import Synchronization
import TestTools
import Testing

/// Answers that come piece by piece, as long as it takes.
@Suite(.bounded) struct StreamTests {
    /// Tells when the last reference to it is gone.
    private final class Guest: Sendable {
        static let present = Mutex<[String: Int]>([:])

        let name: String

        init(_ name: String) {
            self.name = name
            Self.present.withLock { $0[name, default: 0] += 1 }
        }

        deinit {
            Self.present.withLock { $0[name, default: 0] -= 1 }
        }

        static func isGone(_ name: String) -> Bool { present.withLock { $0[name] == 0 } }
    }

    private final class Turns: Sendable {
        private let count = Mutex(0)

        func next() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    private static let get = "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"

    private static func events(_ next: @escaping @Sendable () -> [UInt8]?) -> TestHandler {
        TestHandler([
            "/events": { _ in
                HTTPResponse(
                    status: 200, headers: HTTPHeaders([("Content-Type", "text/event-stream")]), body: .stream(next))
            }
        ])
    }

    @Test func `pieces arrive as they are made, and nil ends them`() throws {
        let gate = Mutex(0)
        let sent = Mutex(0)
        let server = try HTTPServer(
            HTTPServerOptions(),
            handler: Self.events {
                let number = sent.withLock { $0 }
                guard gate.withLock({ $0 }) > number else {
                    usleep(1000)
                    return []
                }
                sent.withLock { $0 += 1 }
                return number == 3 ? nil : Array("data: \(number)\n\n".utf8)
            })
        let client = try RawClient(port: server.port)
        client.send(Self.get)
        #expect(client.head()?["Content-Type"] == "text/event-stream")
        for number in 0..<3 {
            gate.withLock { $0 += 1 }
            #expect(client.chunk() == Array("data: \(number)\n\n".utf8))
        }
        gate.withLock { $0 += 1 }
        #expect(client.chunk() == [])
        #expect(client.rest().end == .closed)
    }

    @Test func `a stream may be silent for longer than a connection may be idle`() throws {
        var options = HTTPServerOptions()
        options.idleSeconds = 1
        let turns = Turns()
        let server = try HTTPServer(
            options,
            handler: Self.events {
                usleep(100_000)
                return turns.next() > 25 ? Array("late".utf8) : []
            })
        let client = try RawClient(port: server.port)
        client.send(Self.get)
        #expect(client.head()?.status == 200)
        #expect(client.chunk() == Array("late".utf8))
    }

    @Test func `a piece larger than the library's buffer arrives whole`() throws {
        let piece = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let turns = Turns()
        let server = try HTTPServer(
            HTTPServerOptions(),
            handler: Self.events { turns.next() == 1 ? piece : nil })
        let client = try RawClient(port: server.port)
        client.send(Self.get)
        #expect(client.answer()?.body == piece)
    }

    @Test func `a stream whose client is gone is let go`() throws {
        let server = try HTTPServer(
            HTTPServerOptions(),
            handler: TestHandler([
                "/events": { _ in
                    let guest = Guest("gone")
                    return HTTPResponse(
                        status: 200,
                        body: .stream {
                            usleep(1000)
                            return withExtendedLifetime(guest) { [] }
                        })
                }
            ]))
        for isReset in [false, true] {
            do {
                let client = try RawClient(port: server.port)
                client.send(Self.get)
                #expect(client.head()?.status == 200)
                if isReset { client.reset() }
            }
            #expect(eventually { Guest.isGone("gone") && server.connections == 0 })
        }
    }

    @Test func `HEAD starts no stream`() throws {
        let turns = Mutex(0)
        let server = try HTTPServer(
            HTTPServerOptions(),
            handler: Self.events {
                turns.withLock { $0 += 1 }
                return nil
            })
        let client = try RawClient(port: server.port)
        client.send("HEAD /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(client.answer(toHead: true)?.status == 200)
        #expect(client.rest().end == .closed)
        #expect(turns.withLock { $0 } == 0)
    }

    @Test func `a client of HTTP 1.0 gets the bare bytes`() throws {
        let turns = Turns()
        let server = try HTTPServer(
            HTTPServerOptions(),
            handler: Self.events { turns.next() < 3 ? Array("ab".utf8) : nil })
        let client = try RawClient(port: server.port)
        client.send("GET /events HTTP/1.0\r\nHost: localhost\r\n\r\n")
        let head = try #require(client.head())
        #expect(head["Transfer-Encoding"] == nil)
        #expect(client.rest().bytes == Array("abab".utf8))
    }

    @Test func `streams end when the server stops`() throws {
        let server = try HTTPServer(
            HTTPServerOptions(),
            handler: Self.events {
                usleep(10_000)
                return []
            })
        let clients = try (0..<20).map { _ in
            let client = try RawClient(port: server.port)
            client.send(Self.get)
            #expect(client.head()?.status == 200)
            return client
        }
        // Would it wait for them, the test would pass its limit.
        server.stop(afterSeconds: 3600)
        #expect(clients.allSatisfy { $0.chunk() == [] })
    }
}

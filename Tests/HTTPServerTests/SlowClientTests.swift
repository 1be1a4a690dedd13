import Foundation
import HTTPServer
import TestTools
import Testing

/// Clients that hold a connection and do nothing with it.
@Suite(.bounded) struct SlowClientTests {
    @Test func `half a request holds its connection only for a while`() throws {
        func slow(_ server: HTTPServer) throws -> [RawClient] {
            try (0..<20).map { _ in
                let client = try RawClient(port: server.port)
                client.send("GET /health HTTP/1.1\r\nHost: lo")
                return client
            }
        }
        var options = HTTPServerOptions()
        options.maxConnections = 20
        let full = try HTTPServer(options, handler: TestHandler())
        let patient = try slow(full)
        #expect(eventually { full.connections >= 20 })
        #expect(try full.isFine())
        options.idleSeconds = 1
        let server = try HTTPServer(options, handler: TestHandler())
        #expect(try slow(server).allSatisfy { $0.rest().end != .silent })
        #expect(eventually { server.connections == 0 })
        withExtendedLifetime(patient) {}
    }

    @Test func `a header that drips is cut, though something always moves`() throws {
        var options = HTTPServerOptions()
        options.idleSeconds = 1
        let server = try HTTPServer(options, handler: TestHandler())
        let client = try RawClient(port: server.port)
        client.send("GET /health HTTP/1.1\r\nX: ")
        #expect(eventually { !client.send("x") })
    }

    @Test func `a client that does not read an answer is cut`() throws {
        var options = HTTPServerOptions()
        options.idleSeconds = 1
        let handler = TestHandler([
            "/big": { _ in HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 8 << 20))) },
            "/endless": { _ in HTTPResponse(status: 200, body: .stream { [UInt8](repeating: 1, count: 64 << 10) }) },
        ])
        let server = try HTTPServer(options, handler: handler)
        for target in ["/big", "/endless"] {
            let client = try RawClient(port: server.port, receiveBuffer: 4096)
            client.send("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(client.head()?.status == 200)
            #expect(eventually { server.connections == 0 }, "\(target)")
        }
    }

    @Test func `connections that say nothing end, and working ones do not`() throws {
        var options = HTTPServerOptions()
        options.idleSeconds = 1
        let handler = TestHandler([
            "/slow": { _ in
                // Longer than a connection may be idle, and than a head may take.
                usleep(2_600_000)
                return TestHandler.text("done")
            }
        ])
        let server = try HTTPServer(options, handler: handler)
        let silent = try RawClient(port: server.port)
        let working = try RawClient(port: server.port)
        // Together, or the second could come when the connection has been idle for too long.
        working.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n" + Self.health)
        #expect(silent.rest().end == .closed)
        #expect(working.answer()?.text == "done")
        #expect(working.answer()?.text == "fine")
    }

    private static let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"

    @Test func `idle connections make room for new ones, the longest idle first`() throws {
        var options = HTTPServerOptions()
        options.maxConnections = 3
        let server = try HTTPServer(options, handler: TestHandler())
        var clients: [RawClient] = []
        for _ in 0..<200 {
            let client = try RawClient(port: server.port)
            client.send(Self.health)
            #expect(client.answer()?.text == "fine")
            clients.append(client)
        }
        #expect(clients[0].rest().end == .closed)
        clients[199].send(Self.health)
        #expect(clients[199].answer()?.text == "fine")
        #expect(eventually { server.connections <= 3 })
    }

    @Test func `who is at work is not ended for one who is not`() throws {
        var options = HTTPServerOptions()
        options.maxConnections = 4
        options.idleSeconds = 30
        let server = try HTTPServer(options, handler: TestHandler())
        let uploads = try (0..<2).map { _ in
            let client = try RawClient(port: server.port)
            client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
            #expect(client.answer()?.status == 100)
            return client
        }
        let silent = try (0..<50).map { _ in try RawClient(port: server.port) }
        let other = try RawClient(port: server.port)
        other.send(Self.health)
        #expect(other.answer()?.text == "fine")
        for client in uploads {
            client.send("abc")
            #expect(client.answer()?.text == "abc")
        }
        withExtendedLifetime(silent) {}
    }

    @Test func `one address does not end another's connections`() throws {
        var options = HTTPServerOptions(host: "0.0.0.0")
        options.maxConnections = 8
        let server = try HTTPServer(options, handler: TestHandler())
        let other = try RawClient(port: server.port, from: "127.0.0.2")
        other.send(Self.health)
        #expect(other.answer()?.text == "fine")
        let silent = try (0..<50).map { _ in try RawClient(port: server.port) }
        // The oldest of all, but not of the address that has most.
        #expect(eventually { server.connections <= 8 })
        other.send(Self.health)
        #expect(other.answer()?.text == "fine")
        withExtendedLifetime(silent) {}
    }
}

import Foundation
import HTTPServer
import TestTools
import Testing

/// Clients that hold a connection and do nothing with it.
@Suite(.bounded) struct SlowClientTests {
    @Test func `half a request holds its connection only for a while`() throws {
        var options = HTTPServerOptions()
        options.maxConnections = 20
        options.idleSeconds = 1
        let server = try HTTPServer(options, handler: TestHandler())
        let slow = try (0..<20).map { _ in
            let client = try RawClient(port: server.port)
            client.send("GET /health HTTP/1.1\r\nHost: lo")
            return client
        }
        #expect(eventually { server.connections == 20 })
        #expect(try !server.isFine())
        #expect(try eventually { try server.isFine() })
        #expect(slow.allSatisfy { $0.rest().end != .silent })
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
        working.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(silent.rest().end == .closed)
        #expect(working.answer()?.text == "done")
        working.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(working.answer()?.text == "fine")
    }

    @Test func `one address gets no more connections than it may have`() throws {
        var options = HTTPServerOptions()
        options.maxConnectionsPerAddress = 3
        let server = try HTTPServer(options, handler: TestHandler())
        let clients = try (0..<3).map { _ in
            let client = try RawClient(port: server.port)
            client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(client.answer()?.text == "fine")
            return client
        }
        let fourth = try RawClient(port: server.port)
        fourth.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(fourth.answer() == nil)
        clients[0].send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(clients[0].answer()?.text == "fine")
    }
}

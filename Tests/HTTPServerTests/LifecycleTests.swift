import Foundation
import Synchronization
import TestTools
import Testing
import VideoTypes

@testable import HTTPServer

/// Starting, many requests on few connections, and stopping.
@Suite(.bounded) struct LifecycleTests {
    private static let get = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"

    @Test func `thousands of requests share eight connections`() async throws {
        let handler = TestHandler()
        let server = try HTTPServer(HTTPServerOptions(), handler: handler)
        let port = server.port
        let failures = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let client = try RawClient(port: port)
                    var failures = 0
                    for number in 0..<500 {
                        let body = String(repeating: "x", count: number)
                        client.send(
                            "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(number)\r\n\r\n" + body)
                        if client.answer()?.text != body { failures += 1 }
                    }
                    return failures
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(failures == 0)
        #expect(handler.answered == 4000)
    }

    @Test func `hundreds of connections are answered side by side`() throws {
        var options = HTTPServerOptions()
        options.idleSeconds = 600
        let server = try HTTPServer(options, handler: TestHandler())
        let clients = try (0..<600).map { _ in try RawClient(port: server.port) }
        for _ in 0..<3 {
            for client in clients { client.send(Self.get) }
            #expect(clients.allSatisfy { $0.answer()?.text == "fine" })
        }
        #expect(server.connections == 600)
    }

    @Test func `there are never more connections than descriptors`() throws {
        #expect(OpenFiles.makeRoom(forConnections: 100) == 100)
        let most = OpenFiles.makeRoom(forConnections: Int.max)
        #expect(most > 0 && most < Int.max)
    }

    @Test func `it listens on IPv6`() throws {
        let server = try HTTPServer(HTTPServerOptions(host: "::1"), handler: TestHandler())
        let client = try RawClient(port: server.port, host: "::1")
        client.send("GET /health HTTP/1.1\r\nHost: [::1]:\(server.port)\r\n\r\n")
        #expect(client.answer()?.text == "fine")
    }

    @Test func `an address that cannot be had is an error that says so`() throws {
        func failure(_ host: String, _ port: UInt16 = 0) -> HTTPServerError? {
            do throws(HTTPServerError) {
                _ = try HTTPServer(HTTPServerOptions(host: host, port: port), handler: TestHandler())
                return nil
            } catch {
                let told = error.videoError
                #expect(told.code == .invalidRequest && !told.message.isEmpty && told.hint?.isEmpty == false)
                return error
            }
        }
        let server = try HTTPServer(HTTPServerOptions(), handler: TestHandler())
        #expect(failure("127.0.0.1", server.port) == .addressInUse(host: "127.0.0.1", port: server.port))
        #expect(failure("192.0.2.1") == .addressNotHere("192.0.2.1"))
        for host in ["localhost", "", "127.1", "[::1]", "1.2.3.4.5", "::1%lo", "127.0.0.1 "] {
            #expect(failure(host) == .notAnAddress(host))
        }
    }

    @Test func `the port is free again at once`() throws {
        // An address that nobody else here uses, or another test's server could take the port meanwhile.
        let address = "127.83.0.1"
        func isFine(_ server: HTTPServer) throws -> Bool {
            let client = try RawClient(port: server.port, host: address)
            client.send(Self.get)
            return client.answer()?.text == "fine"
        }
        let first = try HTTPServer(HTTPServerOptions(host: address), handler: TestHandler())
        #expect(try isFine(first))
        first.stop(afterSeconds: 5)
        let second = try HTTPServer(HTTPServerOptions(host: address, port: first.port), handler: TestHandler())
        #expect(try isFine(second))
    }

    @Test func `who comes after the end of accepting is refused, who is there gets one more answer`() throws {
        let server = try HTTPServer(HTTPServerOptions(), handler: TestHandler())
        let client = try RawClient(port: server.port)
        client.send(Self.get)
        #expect(client.answer()?.text == "fine")
        server.stopAccepting()
        server.stopAccepting()
        #expect(throws: RawClient.Failure.self) { try RawClient(port: server.port) }
        client.send(Self.get)
        let last = try #require(client.answer())
        #expect(last.text == "fine")
        #expect(last["Connection"] == "close")
        #expect(client.rest().end == .closed)
    }

    @Test func `stopping waits for an answer under way and not for idle connections`() throws {
        let begun = Mutex(false)
        let handler = TestHandler([
            "/slow": { _ in
                begun.withLock { $0 = true }
                usleep(300_000)
                return TestHandler.text("done")
            }
        ])
        var options = HTTPServerOptions()
        options.idleSeconds = 3600
        let server = try HTTPServer(options, handler: handler)
        let idle = try RawClient(port: server.port)
        let busy = try RawClient(port: server.port)
        busy.send("GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(eventually { begun.withLock { $0 } })
        // Would it wait for the idle one, the test would pass its limit.
        server.stop(afterSeconds: 3600)
        #expect(busy.answer()?.text == "done")
        #expect(idle.rest().end != .silent)
        server.stop(afterSeconds: 60)
    }

    @Test func `stopping cuts what takes longer than it may`() throws {
        var options = HTTPServerOptions()
        options.maxBodyBytes = 1000
        let server = try HTTPServer(options, handler: TestHandler())
        let client = try RawClient(port: server.port)
        client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n")
        #expect(client.answer()?.status == 100)
        server.stop(afterSeconds: 0)
        #expect(client.rest().end != .silent)
    }

    @Test func `a server that is stopped amid refusals ends in order`() throws {
        for _ in 0..<100 {
            let server = try HTTPServer(HTTPServerOptions(), handler: TestHandler())
            let clients = try (0..<4).map { _ in try RawClient(port: server.port) }
            for client in clients { client.send("GET /health HTTP/9.9\r\n\r\n") }
            if Bool.random() { _ = clients[0].answer() }
            server.stop(afterSeconds: 0)
            #expect(clients.allSatisfy { $0.rest().end != .silent })
        }
    }

    @Test func `an answer that would split the header is replaced`() throws {
        let handler = TestHandler([
            "/split": { _ in HTTPResponse(status: 200, headers: HTTPHeaders([("X", "a\r\nSet-Cookie: b")])) },
            "/name": { _ in HTTPResponse(status: 200, headers: HTTPHeaders([("X: y", "a")])) },
            "/status": { _ in HTTPResponse(status: 99) },
        ])
        let server = try HTTPServer(HTTPServerOptions(), handler: handler)
        for path in ["/split", "/name", "/status"] {
            let client = try RawClient(port: server.port)
            client.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let answer = try #require(client.answer())
            #expect(answer.status == 500, "\(path)")
            #expect(answer["Set-Cookie"] == nil)
        }
    }
}

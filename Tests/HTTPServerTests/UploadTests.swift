import HTTPServer
import TestTools
import Testing

/// Bodies: their limits in bytes, in time and in number, and refusals before they come.
@Suite(.bounded) struct UploadTests {
    private static func post(_ fields: String, to target: String = "/echo") -> String {
        "POST \(target) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n\r\n"
    }

    private static var options: HTTPServerOptions {
        var options = HTTPServerOptions()
        options.maxBodyBytes = 1000
        return options
    }

    @Test func `a body up to the limit arrives whole`() throws {
        let server = try HTTPServer(Self.options, handler: TestHandler())
        let client = try RawClient(port: server.port)
        let body = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        client.send(Self.post("Content-Length: 1000"))
        client.send(body)
        #expect(client.answer()?.body == body)
        client.send(Self.post("Transfer-Encoding: chunked"))
        for start in stride(from: 0, to: 1000, by: 100) {
            client.send("64\r\n")
            client.send(Array(body[start..<start + 100]))
            client.send("\r\n")
        }
        client.send("0\r\nTrailer: x\r\n\r\n")
        #expect(client.answer()?.body == body)
    }

    /// libmicrohttpd 1.0 takes the line's end for the chunk's first byte, and finds the chunk's end misplaced.
    @Test func `an extension of a chunk is passed over, or refused where the library misreads it`() throws {
        let handler = TestHandler()
        let server = try HTTPServer(Self.options, handler: handler)
        let isRead = try MicroHTTPD.version().hasPrefix("0.")
        for chunks in ["3;name=value\r\nabc\r\n0\r\n\r\n", "3;x\r\nab\n\r\n0\r\n\r\n", "3;x\r\nab\r\r\n0\r\n\r\n"] {
            let client = try RawClient(port: server.port)
            client.send(Self.post("Transfer-Encoding: chunked") + chunks)
            let answer = try #require(client.answer())
            if isRead {
                #expect(answer.body == Array(chunks.utf8.drop { $0 != 10 }.dropFirst().prefix(3)))
            } else {
                #expect(answer.status == 400 && answer.text == "bad_request")
                let rest = client.rest()
                #expect(rest.bytes.isEmpty && rest.end == .closed)
            }
        }
        #expect(handler.answered == (isRead ? 3 : 0))
    }

    @Test func `one byte more is refused before it comes`() throws {
        let handler = TestHandler()
        let server = try HTTPServer(Self.options, handler: handler)
        for expectation in ["", "Expect: 100-continue\r\n"] {
            let client = try RawClient(port: server.port)
            client.send(Self.post("\(expectation)Content-Length: 1001"))
            let answer = try #require(client.answer())
            #expect(answer.status == 413)
            #expect(answer["Connection"] == "close")
        }
        #expect(handler.answered == 0)
    }

    @Test func `chunks beyond the limit are refused at their end, or cut`() throws {
        let handler = TestHandler()
        let server = try HTTPServer(Self.options, handler: handler)
        let client = try RawClient(port: server.port)
        let chunk = "1F4\r\n" + String(repeating: "x", count: 500) + "\r\n"
        client.send(Self.post("Transfer-Encoding: chunked") + chunk + chunk + chunk + "0\r\n\r\n")
        #expect(client.answer()?.status == 413)
        let endless = try RawClient(port: server.port)
        endless.send(Self.post("Transfer-Encoding: chunked"))
        #expect(eventually { !endless.send(chunk) })
        #expect(handler.answered == 0)
        #expect(try server.isFine())
    }

    @Test func `a client that waits for leave gets it, or the refusal`() throws {
        let handler = TestHandler(refuse: {
            $0.headers["Authorization"] == nil ? HTTPResponse(status: 401, body: .bytes(Array("key?".utf8))) : nil
        })
        let server = try HTTPServer(Self.options, handler: handler)
        let stranger = try RawClient(port: server.port)
        stranger.send(Self.post("Expect: 100-continue\r\nContent-Length: 3"))
        let refusal = try #require(stranger.answer())
        #expect(refusal.status == 401)
        #expect(refusal["Connection"] == "close")
        let friend = try RawClient(port: server.port)
        friend.send(Self.post("Authorization: x\r\nExpect: 100-continue\r\nContent-Length: 3"))
        #expect(friend.answer()?.status == 100)
        friend.send("abc")
        #expect(friend.answer()?.text == "abc")
    }

    @Test func `a refused body that is sent all the same does not lose the answer`() throws {
        let handler = TestHandler(refuse: { _ in HTTPResponse(status: 401, body: .bytes(Array("key?".utf8))) })
        var options = Self.options
        options.maxBodyBytes = 8 << 20
        let server = try HTTPServer(options, handler: handler)
        let client = try RawClient(port: server.port)
        client.send(Self.post("Content-Length: 4194304"))
        client.send([UInt8](repeating: 7, count: 4 << 20))
        #expect(client.answer()?.status == 401)
        #expect(client.rest().end == .closed)
        #expect(handler.answered == 0)
    }

    @Test func `a refusal of a request without a body keeps the connection`() throws {
        let handler = TestHandler(refuse: { $0.path == ["health"] ? nil : HTTPResponse(status: 401) })
        let server = try HTTPServer(Self.options, handler: handler)
        let client = try RawClient(port: server.port)
        client.send("GET /secret HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(client.answer()?.status == 401)
        client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(client.answer()?.text == "fine")
    }

    @Test func `more uploads than allowed are put off, and other requests are not`() throws {
        var options = Self.options
        options.maxUploads = 2
        let server = try HTTPServer(options, handler: TestHandler())
        let slow = try (0..<2).map { _ in
            let client = try RawClient(port: server.port)
            client.send(Self.post("Expect: 100-continue\r\nContent-Length: 3"))
            #expect(client.answer()?.status == 100)
            return client
        }
        let third = try RawClient(port: server.port)
        third.send(Self.post("Content-Length: 3"))
        let refusal = try #require(third.answer())
        #expect(refusal.status == 503)
        #expect(refusal["Retry-After"] == "1")
        #expect(try server.isFine())
        for client in slow {
            client.send("abc")
            #expect(client.answer()?.text == "abc")
        }
        let fourth = try RawClient(port: server.port)
        fourth.send(Self.post("Content-Length: 3") + "xyz")
        #expect(fourth.answer()?.text == "xyz")
    }

    @Test func `bodies together take no more memory than allowed`() throws {
        var options = Self.options
        options.maxBodyBytesInMemory = 1500
        let server = try HTTPServer(options, handler: TestHandler())
        do {
            let first = try RawClient(port: server.port)
            first.send(Self.post("Expect: 100-continue\r\nContent-Length: 900"))
            #expect(first.answer()?.status == 100)
            let second = try RawClient(port: server.port)
            second.send(Self.post("Content-Length: 900"))
            #expect(second.answer()?.status == 503)
            let chunked = try RawClient(port: server.port)
            chunked.send(Self.post("Transfer-Encoding: chunked"))
            #expect(chunked.answer()?.status == 503)
        }
        // The first client is gone, and what it had reserved is free again.
        #expect(
            try eventually {
                let client = try RawClient(port: server.port)
                client.send(Self.post("Expect: 100-continue\r\nContent-Length: 900"))
                return client.answer()?.status == 100
            })
    }

    @Test func `an upload that drips is cut when its time is over`() throws {
        var options = Self.options
        options.uploadSeconds = 1
        let server = try HTTPServer(options, handler: TestHandler())
        let client = try RawClient(port: server.port)
        client.send(Self.post("Content-Length: 1000"))
        #expect(eventually { !client.send("x") })
        #expect(try server.isFine())
    }

    @Test func `an upload that stands still is cut before its time is over`() throws {
        var options = Self.options
        options.uploadSeconds = 600
        options.idleSeconds = 1
        let server = try HTTPServer(options, handler: TestHandler())
        let client = try RawClient(port: server.port)
        client.send(Self.post("Content-Length: 1000") + "x")
        #expect(client.rest().end == .closed)
    }

    @Test func `a place for a body is free again when the library refuses its chunks`() throws {
        var options = Self.options
        options.maxUploads = 1
        let handler = TestHandler()
        let server = try HTTPServer(options, handler: handler)
        for _ in 0..<3 {
            let client = try RawClient(port: server.port)
            client.send(Self.post("Transfer-Encoding: chunked") + "3\r\nabcdef")
            #expect(client.answer()?.text == "bad_request")
            #expect(client.rest().end == .closed)
            #expect(eventually { server.connections == 0 })
        }
        let client = try RawClient(port: server.port)
        client.send(Self.post("Content-Length: 3") + "abc")
        #expect(client.answer()?.text == "abc")
        #expect(handler.answered == 1)
    }

    @Test func `one party does not take the last places`() throws {
        var options = Self.options
        options.maxUploads = 4
        let server = try HTTPServer(options, handler: TestHandler(party: { $0.headers["Authorization"] }))
        func begin(_ party: String) throws -> (client: RawClient, status: Int?) {
            let client = try RawClient(port: server.port)
            client.send(Self.post("Authorization: \(party)\r\nExpect: 100-continue\r\nContent-Length: 3"))
            return (client, client.answer()?.status)
        }
        let hostile = try (0..<4).map { _ in try begin("hostile") }
        #expect(hostile.map(\.status) == [100, 100, 100, 503])
        let other = try begin("other")
        #expect(other.status == 100)
        other.client.send("abc")
        #expect(other.client.answer()?.text == "abc")
        #expect(try begin("third").status == 100)
        withExtendedLifetime(hostile) {}
    }
}

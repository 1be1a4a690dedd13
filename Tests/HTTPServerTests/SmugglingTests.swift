import HTTPServer
import TestTools
import Testing

/// A second request inside a first one whose framing can be read in two ways.
@Suite(.bounded) struct SmugglingTests {
    static let second = "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n"

    static let carriers = [
        "Content-Length: 2\r\nContent-Length: 0\r\n\r\n{}",
        "Content-Length: 0\r\nContent-Length: 2\r\n\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Content-Length : 0\r\n\r\n",
        "Content-Length: 0, 0\r\n\r\n",
    ]

    @Test(arguments: carriers) func `a smuggled request is never answered`(_ carrier: String) throws {
        let handler = TestHandler()
        let server = try HTTPServer(HTTPServerOptions(), handler: handler)
        let client = try RawClient(port: server.port)
        client.send("POST /echo HTTP/1.1\r\nHost: localhost\r\n" + carrier + Self.second)
        #expect(client.answer()?.status == 400)
        #expect(client.rest().end != .silent)
        #expect(handler.answered == 0)
        #expect(try server.isFine())
    }

    @Test func `honest requests sent in one go are answered one by one`() throws {
        let handler = TestHandler()
        let server = try HTTPServer(HTTPServerOptions(), handler: handler)
        let client = try RawClient(port: server.port)
        let post = "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        client.send(post + Self.second + post)
        #expect([client.answer()?.text, client.answer()?.text, client.answer()?.text] == ["abc", "", "abc"])
        #expect(handler.answered == 3)
    }
}

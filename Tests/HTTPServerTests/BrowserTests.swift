import HTTPServer
import TestTools
import Testing

/// What a page in a browser may ask of a server on the same machine.
@Suite(.bounded) struct BrowserTests {
    struct Case: CustomTestStringConvertible {
        let fields: String
        let status: Int

        var testDescription: String { "\(fields) \(status)" }
    }

    static let cases = [
        Case(fields: "Host: localhost:8000", status: 200),
        Case(fields: "Host: LOCALHOST", status: 200),
        Case(fields: "Host: [::1]:9", status: 200),
        Case(fields: "Host: video.example", status: 200),
        Case(fields: "Host: localhost.", status: 403),
        Case(fields: "Host: localhost.evil.example", status: 403),
        Case(fields: "Host: 127.0.0.2", status: 403),
        Case(fields: "Host: ", status: 403),
        Case(fields: "Host: localhost:80x", status: 400),
        Case(fields: "Host: localhost@evil.example", status: 403),
        Case(fields: "Host: [::1", status: 400),
        Case(fields: "Host: localhost\r\nOrigin: http://localhost", status: 200),
        Case(fields: "Host: localhost:8000\r\nOrigin: http://localhost:8000", status: 200),
        Case(
            fields: "Host: localhost:8000\r\nOrigin: http://localhost:8000\r\nSec-Fetch-Site: same-origin", status: 200),
        Case(fields: "Host: localhost:8000\r\nOrigin: http://localhost:3000", status: 403),
        Case(fields: "Host: localhost\r\nOrigin: null", status: 403),
        Case(fields: "Host: localhost\r\nOrigin: ", status: 403),
        Case(fields: "Host: localhost\r\nOrigin: http://evil.example", status: 403),
        Case(fields: "Host: localhost\r\nOrigin: http://localhost.evil.example", status: 403),
        Case(fields: "Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil.example", status: 400),
        Case(fields: "Host: localhost\r\nOrigin: https://app.example", status: 200),
        Case(fields: "Host: localhost\r\nOrigin: https://app.example\r\nSec-Fetch-Site: cross-site", status: 200),
        Case(fields: "Host: localhost\r\nSec-Fetch-Site: cross-site", status: 403),
        Case(fields: "Host: localhost\r\nSec-Fetch-Site: none", status: 200),
        Case(fields: "Host: localhost\r\nExpect: 200-ok", status: 417),
    ]

    @Test(arguments: cases) func `only own and allowed pages get an answer`(_ sample: Case) throws {
        var options = HTTPServerOptions()
        options.hostNames.insert("Video.Example")
        options.origins = ["https://app.example"]
        let server = try HTTPServer(options, handler: TestHandler())
        let client = try RawClient(port: server.port)
        client.send("GET /health HTTP/1.1\r\n\(sample.fields)\r\n\r\n")
        #expect(client.answer()?.status == sample.status)
    }

    @Test func `an absolute target counts as its host`() throws {
        let server = try HTTPServer(HTTPServerOptions(), handler: TestHandler())
        for (target, status) in [
            ("http://localhost:\(server.port)/health", 200), ("http://127.0.0.1//health/", 200),
            ("http://evil.example/health", 403), ("http://localhost@evil.example/health", 400),
        ] {
            let client = try RawClient(port: server.port)
            client.send("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(client.answer()?.status == status, "\(target)")
        }
    }

    @Test func `pages of an allowed site may read the answers, others' may not`() throws {
        var options = HTTPServerOptions()
        options.origins = ["https://app.example"]
        let server = try HTTPServer(options, handler: TestHandler())
        for (field, origin) in [("Origin: https://app.example\r\n", "https://app.example"), ("", nil)] {
            let client = try RawClient(port: server.port)
            client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\(field)\r\n")
            let answer = try #require(client.answer())
            #expect(answer["Access-Control-Allow-Origin"] == origin && answer["Vary"] == "Origin")
        }
        let closed = try HTTPServer(HTTPServerOptions(), handler: TestHandler())
        let client = try RawClient(port: closed.port)
        client.send("GET /health HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example\r\n\r\n")
        let refused = try #require(client.answer())
        #expect(refused.status == 403 && refused["Access-Control-Allow-Origin"] == nil)
    }

    @Test func `on all addresses any numeric Host is answered, and no foreign name`() throws {
        let server = try HTTPServer(HTTPServerOptions(host: "0.0.0.0"), handler: TestHandler())
        for (host, status) in [
            ("10.1.2.3:80", 200), ("[fe80::1]", 200), ("evil.example", 403), ("1.2.3", 403), ("1.2.3.4.5", 403),
            ("[::1", 400), ("[::1]x", 400), ("[evil.example]", 403),
        ] {
            let client = try RawClient(port: server.port)
            client.send("GET /health HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            #expect(client.answer()?.status == status, "\(host)")
        }
    }

    @Test func `every answer has a name of its own and forbids guessing its type`() throws {
        let server = try HTTPServer(HTTPServerOptions(), handler: TestHandler())
        let client = try RawClient(port: server.port)
        var names: Set<String> = []
        for target in ["/health", "/nothing", "/health", "/bad%zz"] {
            client.send("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let answer = try #require(client.answer())
            #expect(answer["X-Content-Type-Options"] == "nosniff")
            names.insert(try #require(answer["x-request-id"]))
        }
        #expect(names.count == 4)
        #expect(names.allSatisfy { $0.count == 36 })
    }
}

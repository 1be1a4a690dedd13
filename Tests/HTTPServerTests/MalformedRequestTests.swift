import HTTPServer
import TestTools
import Testing

/// Requests that no honest client sends, and what each of them gets.
@Suite(.bounded) struct MalformedRequestTests {
    struct Outcome: Equatable {
        /// nil: the connection ends without an answer.
        var status: Int?
        var body: String?
        /// Whether the handler is asked.
        var arrives = false

        static let refused = Outcome(status: 400, body: "bad_request")
        static let hungUp = Outcome()
    }

    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let outcome: Outcome
        /// Of libmicrohttpd 1.0 and later, which is stricter than 0.9.75.
        let strictOutcome: Outcome
        let endsSending: Bool

        init(
            _ name: String, _ text: String, _ status: Int?, _ body: String? = nil, endsSending: Bool = false,
            arrives: Bool? = nil, strict: Outcome? = nil
        ) {
            testDescription = name
            bytes = Array(text.unicodeScalars.map { UInt8($0.value) })
            outcome = Outcome(status: status, body: body, arrives: arrives ?? (status == 200))
            strictOutcome = strict ?? outcome
            self.endsSending = endsSending
        }
    }

    private static let host = "Host: 127.0.0.1\r\nConnection: close\r\n"

    private static func get(_ target: String, _ fields: String = host) -> String {
        "GET \(target) HTTP/1.1\r\n\(fields)\r\n"
    }

    private static func post(_ fields: String, _ body: String = "", to target: String = "/echo") -> String {
        "POST \(target) HTTP/1.1\r\n\(host)\(fields)\r\n\r\n\(body)"
    }

    static let firstLines = [
        Case("garbage", "\0\u{FF}\u{FE} garbage\r\n\r\n", nil),
        Case("nothing but empty lines", "\r\n\r\n", nil, endsSending: true),
        Case("no Host", "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "bad_request"),
        Case("HTTP/0.9", "GET /health\r\n\r\n", 400, "bad_request"),
        Case("HTTP/9.9", "GET /health HTTP/9.9\r\n\(host)\r\n", 505, "version_not_supported"),
        Case("http in lower case", "GET /health http/1.1\r\n\(host)\r\n", 400, "bad_request"),
        Case("a blank in the target", get("/hea lth"), 400, "bad_request"),
        Case("a method nobody knows", "BREW /health HTTP/1.1\r\n\(host)\r\n", 200, "fine"),
        Case("a huge target", get("/" + String(repeating: "a", count: 100_000)), 414, "uri_too_long"),
        Case("NUL in the target", get("/hea\0lth"), 400, "bad_request", strict: .hungUp),
        Case("an escaped NUL in the target", get("/health%00x"), 400, "bad_request"),
        Case("traversal", get("/v1/videos/..%2f..%2fetc%2fpasswd/content"), 400, "bad_request"),
        Case("another site's target", get("http://evil.example/health"), 403, "host_not_allowed"),
    ]

    static let fields = [
        Case(
            "a header of 100,000 bytes", get("/health", host + "X: \(String(repeating: "a", count: 100_000))\r\n"), 431,
            "header_too_large"),
        Case(
            "10,000 header fields", get("/health", host + (0..<10_000).map { "X\($0): y\r\n" }.joined()), 431,
            "header_too_large"),
        Case("NUL in a value", get("/health", host + "X: a\0b\r\n"), 400, "bad_request"),
        Case("NUL in a value before others", get("/health", "X: a\0b\r\n" + host), 400, "bad_request"),
        Case("NUL before a second Host", get("/health", "Host: localhost\0Host: evil\r\nX: y\r\n"), 400, "bad_request"),
        Case("NUL at the end of a value", get("/health", host + "X: a\0\r\n"), 200, "fine", strict: .refused),
        Case("blanks around a value", get("/health", host + "X: \t a \t \r\nY:\r\nZ:  \r\n"), 200, "fine"),
        Case("a folded field", get("/health", host + "X: a\r\n b\r\n"), 400, "bad_request"),
        Case("a blank before the colon", get("/health", host + "Content-Length : 5\r\n"), 400, "bad_request"),
        Case(
            "bare line feeds", "GET /health HTTP/1.1\nHost: localhost\nConnection: close\n\n", 200, "fine",
            strict: .refused),
        Case("a foreign Host", get("/health", "Host: evil.example\r\n"), 403, "host_not_allowed"),
        Case("two Hosts", get("/health", "Host: localhost\r\nHost: evil\r\n"), 400, "bad_request"),
        Case("half closed", "GET /health HTTP/1.1\r\nHost: localhost\r\n", nil, endsSending: true),
    ]

    static let framing = [
        Case("the same length twice", post("Content-Length: 2\r\nContent-Length: 2", "{}"), 400, "bad_request"),
        Case("two lengths", post("Content-Length: 2\r\nContent-Length: 30", "{}"), 400, "bad_request"),
        Case(
            "a length and chunks", post("Content-Length: 2\r\nTransfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n"), 400,
            "bad_request"),
        Case("a negative length", post("Content-Length: -5"), 400, "bad_request"),
        Case("a length with a plus", post("Content-Length: +2", "{}"), 400, "bad_request"),
        Case("a length beyond 64 bits", post("Content-Length: 99999999999999999999999"), 413, "body_too_large"),
        Case("a length of a terabyte", post("Content-Length: 1099511627776"), 413, "body_too_large"),
        Case("a list of lengths", post("Content-Length: 2, 2", "{}"), 400, "bad_request"),
        Case("a chunk of size ZZ", post("Transfer-Encoding: chunked", "ZZ\r\n{}\r\n0\r\n\r\n"), 400, "bad_request"),
        Case(
            "a chunk beyond 64 bits", post("Transfer-Encoding: chunked", "FFFFFFFFFFFFFFFFFF\r\n{}"), 413,
            "body_too_large"),
        Case("gzip below the chunks", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), 400, "bad_request"),
        Case("a huge expectation", post("Expect: 100-continue\r\nContent-Length: 99999999"), 413, "body_too_large"),
        Case(
            "a body where none belongs", "GET /health HTTP/1.1\r\n\(host)Content-Length: 2\r\n\r\n{}", 400,
            "bad_request"),
    ]

    static let bodies = [
        Case("cut JSON", post("Content-Length: 3", "{\"a"), 200, "{\"a"),
        Case(
            "200,000 brackets", post("Content-Length: 200000", String(repeating: "[", count: 200_000)), 200,
            String(repeating: "[", count: 200_000)),
        Case(
            "a form without an end",
            post(
                "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 41",
                "--x\r\nContent-Disposition: form-data; name", to: "/form"), 400, "bad_form", arrives: true),
        Case(
            "a form with a bad boundary",
            post("Content-Type: multipart/form-data; boundary=\"\r\nContent-Length: 4", "----", to: "/form"), 400,
            "bad_form", arrives: true),
    ]

    @Test(arguments: firstLines + fields + framing + bodies)
    func `each malformed request gets its answer, and the connection ends`(_ sample: Case) throws {
        var options = HTTPServerOptions()
        options.idleSeconds = 1
        let handler = TestHandler()
        let server = try HTTPServer(options, handler: handler)
        let client = try RawClient(port: server.port)
        client.send(sample.bytes)
        if sample.endsSending { client.endSending() }
        let answer = client.answer()
        #expect(client.rest().end == .closed)
        let outcome = Outcome(status: answer?.status, body: answer?.text, arrives: handler.answered == 1)
        #expect(try outcome == (MicroHTTPD.version().hasPrefix("0.") ? sample.outcome : sample.strictOutcome))
        // Whoever refuses it, the handler is asked for the words, and nobody else's follow.
        #expect(handler.refused == (outcome.status ?? 0 >= 400 ? 1 : 0))
        if let answer { #expect(answer["x-request-id"] != nil && answer["Connection"] == "close") }
        #expect(try server.isFine())
    }

    @Test func `who is refused below is answered on its own connection, after what it asked before`() throws {
        var options = HTTPServerOptions()
        options.maxUploads = 60
        let handler = TestHandler()
        let server = try HTTPServer(options, handler: handler)
        let clients = try (0..<60).map { _ in try RawClient(port: server.port) }
        for (number, client) in clients.enumerated() {
            let good = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n\(number + 10)"
            client.send(number % 3 == 0 ? good + good : good + "GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n")
        }
        for (number, client) in clients.enumerated() {
            #expect(client.answer()?.text == "\(number + 10)")
            let second = try #require(client.answer())
            if number % 3 == 0 {
                #expect(second.text == "\(number + 10)")
            } else {
                #expect(second.status == 505 && second.text == "version_not_supported")
                let rest = client.rest()
                #expect(rest.bytes.isEmpty && rest.end == .closed)
            }
        }
        #expect(handler.refused == 40)
    }
}

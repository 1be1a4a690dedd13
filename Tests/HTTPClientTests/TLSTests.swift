import Foundation
import Glibc
import HTTPClient
import TestSupport
import TestTools
import Testing

/// Against a TLS server of Python with a certificate made for the test.
@Suite(.bounded) struct TLSTests {
    private static let program = """
        import http.server, ssl, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
            def log_message(self, *_): pass
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("cert.pem", "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        print(server.server_port, flush=True)
        server.serve_forever()
        """

    @Test(.needs("openssl", "python3"))
    func `a certificate must be trusted and be the host's`() throws {
        let folder = try TemporaryFolder()
        let made = try Subprocess(
            #require(Subprocess.find("openssl")),
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out",
                "cert.pem",
            ], folder: folder.path)
        try #require(made.status == 0, "\(made.errors)")
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: try #require(Subprocess.find("python3")))
        process.arguments = ["-c", Self.program]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardOutput = output
        try process.run()
        defer {
            // A thread of the pool blocks signals, and what it starts inherits that.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
        var line = Data()
        while !line.contains(UInt8(ascii: "\n")) {
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty)
            line += more
        }
        let port = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)

        let named = HTTPCall(.get, try WebAddress("https://localhost:\(port)/"))
        let trusting = HTTPClient(authorities: folder.file("cert.pem"))
        #expect(try trusting.perform(named).body == Array("ok".utf8))
        #expect(throws: HTTPClientError.self) { try HTTPClient().perform(named) }
        // The right certificate, but another name.
        let numbered = HTTPCall(.get, try WebAddress("https://127.0.0.1:\(port)/"))
        #expect(throws: HTTPClientError.self) { try trusting.perform(numbered) }
        // A pinned call still proves the name.
        var policy = DestinationPolicy(hosts: ["localhost:\(port)", "example.com:\(port)"]) { _, _ in
            [IPAddress("127.0.0.1")].compactMap { $0 }
        }
        policy.kinds = [.loopback]
        let right = try policy.check("https://localhost:\(port)/")
        #expect(try trusting.perform(HTTPCall(.get, right)).status == 200)
        let wrong = try policy.check("https://example.com:\(port)/")
        #expect(throws: HTTPClientError.self) { try trusting.perform(HTTPCall(.get, wrong)) }
    }
}

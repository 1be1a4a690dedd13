import HTTPClient
import TestSupport
import TestTools
import Testing

/// Against a TLS server of Python with a certificate made for the test.
@Suite(.bounded) struct TLSTests {
    @Test(.needs("openssl", "python3"))
    func `a certificate must be trusted and be the host's`() throws {
        let folder = try TemporaryFolder()
        let server = try TLSServer(in: folder)
        let port = server.port

        let named = HTTPCall(.get, try WebAddress("https://localhost:\(port)/"))
        let trusting = HTTPClient(authorities: server.certificate)
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

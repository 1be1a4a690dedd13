import Foundation
import TestSupport
import TestTools
import Testing
import VideoServer
import VideoTypes

/// Who may see what.
@Suite(.bounded) struct KeyTests {
    private let alice = "alice-0123456789abcdef"
    private let bob = "bob-0123456789abcdef"

    private func service() throws -> TestService {
        let folder = try TemporaryFolder()
        let path = try TestService.secret("keys", "alice \(alice)\nbob \(bob)\n", in: folder)
        return try TestService(in: folder, key: alice) { $0.keyFile = path }
    }

    @Test func `nobody without a key is told anything`() throws {
        let service = try service()
        let id = try service.submit("x")
        for (method, path) in [
            ("GET", "/v1/videos"), ("POST", "/v1/videos"), ("GET", "/v1/videos/\(id)"), ("DELETE", "/v1/videos/\(id)"),
            ("GET", "/v1/videos/\(id)/content"), ("GET", "/v1/videos/\(id)/events"), ("GET", "/v1/models"),
            ("GET", "/v1/loras"),
            ("POST", "/v1/videos/\(id)/cancel"), ("GET", "/v1/capabilities"), ("GET", "/metrics"), ("GET", "/nothing"),
        ] {
            for key in ["wrong-0123456789abcdef", alice + "x", String(alice.dropLast())] {
                let refused = try service.ask(method, path, key: key)
                #expect(refused.status == 401 && refused["error", "code"] == "invalid_api_key", "\(method) \(path)")
                #expect(refused.header("WWW-Authenticate") == "Bearer")
            }
        }
        for path in ["/health", "/livez", "/ready", "/"] {
            #expect(try service.ask("GET", path, key: "wrong").status != 401, "\(path)")
        }
        #expect(try service.finished(id)["status"] == "completed")
    }

    @Test func `what belongs to another key is not there`() throws {
        let service = try service()
        let id = try service.submit("x")
        _ = try service.finished(id)
        let json = [("Content-Type", "application/json")]
        for (method, path, body) in [
            ("GET", "", ""), ("DELETE", "", ""), ("GET", "/content", ""), ("GET", "/content?variant=thumbnail", ""),
            ("GET", "/events", ""), ("POST", "/cancel", "{}"), ("POST", "/remix", #"{"prompt": "y"}"#),
        ] {
            let answer = try service.ask(method, "/v1/videos/\(id)\(path)", json, body: Array(body.utf8), key: bob)
            #expect(answer.status == 404 && answer["error", "code"] == "video_not_found", "\(method) \(path)")
        }
        #expect(try service.ask("GET", "/v1/videos", key: bob).list("data").isEmpty)
        #expect(try service.ask("GET", "/v1/videos?after=\(id)", key: bob).status == 400)
        // The same words and even the same idempotency key are another order.
        let own = json + [("Idempotency-Key", "same")]
        let body = Array(#"{"prompt": "z"}"#.utf8)
        let first = try service.ask("POST", "/v1/videos", own, body: body)
        let second = try service.ask("POST", "/v1/videos", own, body: body, key: bob)
        #expect(first["id"] != second["id"] && first["request_hash"] != second["request_hash"])
        #expect(try service.get("/v1/videos/\(id)")["status"] == "completed")
    }

    @Test(arguments: ["0.0.0.0", "::", "192.0.2.1", "example.org", "localhost.example.org"])
    func `without keys nobody but this machine is let in`(host: String) throws {
        #expect(throws: VideoError.self) { try TestService { $0.host = host } }
    }

    @Test(arguments: ["example.org", "*", "", "127.0.0.1:80", "[::1]"])
    func `what is no address is called that, keys or no keys`(host: String) throws {
        let error = #expect(throws: VideoError.self) { try TestService { $0.host = host } }
        #expect(error?.message.contains("'\(host)' is not a numeric address") == true)
    }

    @Test func `localhost is this machine`() throws {
        let service = try TestService { $0.host = "localhost" }
        #expect(service.service.url == "http://127.0.0.1:\(service.service.port)")
        #expect(try service.get("/health").status == 200)
    }

    @Test func `a key file that is read again takes keys in and out, one that is wrong changes nothing`() throws {
        let service = try service()
        let carol = "carol-0123456789abcdef"
        _ = try service.secret("keys", "bob \(bob)\ncarol \(carol)\n")
        #expect(try service.ask("GET", "/v1/videos", key: carol).status == 401)
        service.service.reload()
        for (key, status) in [(alice, 401), (bob, 200), (carol, 200)] {
            #expect(try service.ask("GET", "/v1/videos", key: key).status == status, "\(key)")
        }
        _ = try service.secret("keys", "nobody\n")
        service.service.reload()
        #expect(try service.ask("GET", "/v1/videos", key: carol).status == 200)
        #expect(service.log.contains { $0.contains("the old keys and names of hosts stay") })
        #expect(!service.log.joined().contains(carol))
    }

    @Test func `names of hosts in a file are read again`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("names")
        func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
        try write("# ours\nOne.example.org, two.example.org\r\n")
        let service = try TestService { $0.hostNames = ["@" + path, "three.example.org"] }
        func status(_ host: String) throws -> Int {
            let client = try RawClient(port: service.service.port)
            client.send("GET /health HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
            return try #require(client.answer()).status
        }
        for name in ["one.example.org", "two.example.org:8080", "three.example.org", "localhost"] {
            #expect(try status(name) == 200, "\(name)")
        }
        try write("four.example.org")
        #expect(try status("four.example.org") != 200)
        service.service.reload()
        #expect(try status("four.example.org") == 200 && status("three.example.org") == 200)
        #expect(try status("one.example.org") != 200)
        try FileManager.default.removeItem(atPath: path)
        service.service.reload()
        #expect(try status("four.example.org") == 200)
        #expect(throws: VideoError.self) { try TestService { $0.hostNames = ["@/no/such/file"] } }
    }

    @Test func `webhooks need hosts and a secret`() throws {
        #expect(throws: VideoError.self) { try TestService { $0.webhookHosts = ["hooks.example.org"] } }
        #expect(throws: VideoError.self) { try TestService { $0.webhookSecretFile = "/nothing" } }
    }
}

import Crypto
import Foundation
import HTTPServer
import StrictJSON
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoServer
import VideoTypes

/// Takes webhooks, the first few of them badly.
private final class Receiver: HTTPHandler {
    private let failures: Int
    private let taken = Mutex<[HTTPRequest]>([])

    init(failures: Int) { self.failures = failures }

    var requests: [HTTPRequest] { taken.withLock { $0 } }

    func refusal(of head: HTTPRequest) -> HTTPResponse? { nil }

    func respond(to request: HTTPRequest) -> HTTPResponse {
        let count = taken.withLock { taken in
            taken.append(request)
            return taken.count
        }
        return HTTPResponse(status: count <= failures ? 503 : 204)
    }

    func refusal(status: Int, code: String, message: String) -> HTTPResponse { HTTPResponse(status: status) }
}

/// Finished clips are told to hosts that may be told.
@Suite(.bounded) struct WebhookTests {
    private static let secret = [UInt8](repeating: 7, count: 32)

    private func service(_ hosts: Set<String>, _ folder: TemporaryFolder, isLocal: Bool = true) throws -> TestService {
        let secret = try TestService.secret("hook", "whsec_" + Base64.encode(Self.secret), in: folder)
        return try TestService(in: folder) { options in
            if isLocal { options.localWebhookHosts = hosts } else { options.webhookHosts = hosts }
            options.webhookSecretFile = secret
            options.webhookDelayFactor = 0
        }
    }

    @Test func `a webhook is signed, tried again, and keeps its id`() throws {
        let receiver = Receiver(failures: 2)
        let server = try HTTPServer(HTTPServerOptions(), handler: receiver)
        defer { server.stop(afterSeconds: 0) }
        let service = try service(["127.0.0.1:\(server.port)"], TemporaryFolder())
        let id = try service.submit("x", ", \"webhook_url\": \"http://127.0.0.1:\(server.port)/hook?a=b\"")
        _ = try service.finished(id)
        #expect(eventually { receiver.requests.count >= 3 })
        let requests = receiver.requests
        try #require(requests.count >= 3)
        #expect(Set(requests.compactMap { $0.headers["webhook-id"] }).count == 1)
        let last = requests[2]
        #expect(last.method == "POST" && last.path == ["hook"] && last.headers["content-type"] == "application/json")
        let message = "\(last.headers["webhook-id"] ?? "").\(last.headers["webhook-timestamp"] ?? "")."
        let digest = try HMACSHA256.digest(key: Self.secret, bytes: Array(message.utf8) + last.body)
        #expect(last.headers["webhook-signature"] == "v1," + Base64.encode(digest))
        let body = try JSONValue(last.body)
        #expect(body["type"]?.text == "video.completed" && body["data"]?["id"]?.text == id)
        #expect(body["id"]?.text == last.headers["webhook-id"] && body["data"]?["status"]?.text == "completed")
        // Taken once, it is not sent again.
        #expect(try eventually { try service.get("/metrics").text.contains("wan_webhooks_pending 0\n") })
        #expect(receiver.requests.count == 3)
    }

    @Test(arguments: [
        "http://127.0.0.1/x", "https://127.0.0.1/x", "https://127.0.0.1:9/x", "https://localhost/x", "https://[::1]/x",
        "https://2130706433/x", "https://0x7f000001/x", "https://0177.0.0.1/x", "https://127.1/x",
        "https://[::ffff:127.0.0.1]/x", "https://169.254.169.254/latest/meta-data", "https://hooks.example.org./x",
        "https://hooks.example.org@127.0.0.1/x", "https://user:pass@hooks.example.org/x",
        "https://hooks.example.org\\@127.0.0.1/x", "https://hooks.example.org:8443/x", "http://hooks.example.org/x",
        "https://evil.org/?hooks.example.org", "https://evil.org#hooks.example.org",
        "https://hooks.example.org.evil.org/",
        "file:///etc/passwd", "gopher://hooks.example.org/", "javascript:alert(1)", "//hooks.example.org/x", "",
        "https://hooks。example。org/x", "https://HOOKS.example.org:443@evil.org/", "https://hooks.example.org/\r\nX: y",
    ])
    func `no other address is called`(url: String) throws {
        let service = try Self.strict.get()
        let quoted = url.replacing("\\", with: "\\\\").replacing("\r\n", with: "\\r\\n")
        let refused = try service.post("/v1/videos", json: "{\"prompt\": \"x\", \"webhook_url\": \"\(quoted)\"}")
        #expect(refused.status == 400 && refused["error", "param"] == "webhook_url", "\(url): \(refused.text)")
        #expect(!refused.text.contains("127") && !refused.text.contains("evil"))
        #expect(try service.jobCount == 0)
    }

    private static let strict = Result {
        try WebhookTests().service(["hooks.example.org"], TemporaryFolder(), isLocal: false)
    }

    // MARK: what can never be called, what fails, what hangs

    private func refusal(_ change: (inout ServiceOptions) -> Void) throws -> VideoError? {
        let folder = try TemporaryFolder()
        let secret = try TestService.secret("hook", "whsec_" + Base64.encode(Self.secret), in: folder)
        do {
            _ = try TestService(in: folder) { options in
                options.webhookSecretFile = secret
                change(&options)
            }
            return nil
        } catch let error as VideoError {
            return error
        }
    }

    @Test(arguments: ["localhost:9443", "10.0.0.8:8443", "192.168.1.4", "127.0.0.1", "169.254.169.254", "a b"])
    func `a host that can never be called is refused at the start`(_ host: String) throws {
        let error = try #require(try refusal { $0.webhookHosts = [host] })
        #expect(error.code == .invalidRequest && error.message.contains("\(host) can never be called"))
        #expect(error.hint?.contains("localWebhookHosts") == true)
    }

    @Test func `a host of one's own network is named as that, metadata never`() throws {
        #expect(try refusal { $0.localWebhookHosts = ["localhost:9443", "10.0.0.8:8443", "192.168.1.4"] } == nil)
        #expect(try refusal { $0.localWebhookHosts = ["169.254.169.254"] } != nil)
    }

    @Test func `hosts in a file are read again`() throws {
        let folder = try TemporaryFolder()
        let secret = try TestService.secret("hook", "whsec_" + Base64.encode(Self.secret), in: folder)
        let path = folder.file("hosts")
        func name(_ host: String) throws { try Data("# ours\n\(host)\n".utf8).write(to: URL(fileURLWithPath: path)) }
        try name("127.0.0.1:9")
        let service = try TestService(in: folder) { options in
            options.localWebhookHosts = ["@" + path]
            options.webhookSecretFile = secret
        }
        func status(_ host: String) throws -> Int {
            try service.post("/v1/videos", json: "{\"prompt\": \"x\", \"webhook_url\": \"http://\(host)/x\"}").status
        }
        #expect(try status("127.0.0.1:9") == 200 && status("127.0.0.1:7") == 400)
        try name("127.0.0.1:7")
        service.service.reload()
        #expect(try status("127.0.0.1:7") == 200 && status("127.0.0.1:9") == 400)
    }

    @Test func `each try that failed is a line of the log, without what the address may hide`() throws {
        let folder = try TemporaryFolder()
        let secret = try TestService.secret("hook", "whsec_" + Base64.encode(Self.secret), in: folder)
        let receiver = Receiver(failures: 1)
        let server = try HTTPServer(HTTPServerOptions(), handler: receiver)
        defer { server.stop(afterSeconds: 0) }
        let service = try TestService(in: folder) { options in
            options.localWebhookHosts = ["127.0.0.1:\(server.port)", "127.0.0.1:9"]
            options.webhookSecretFile = secret
            options.webhookDelayFactor = 0
        }
        let dead = try service.submit("x", ", \"webhook_url\": \"http://127.0.0.1:9/hush?token=hush\"")
        let busy = try service.submit("x", ", \"webhook_url\": \"http://127.0.0.1:\(server.port)/hush\"")
        func lines(_ id: String) -> [String] {
            service.log.filter { $0.contains(#""event": "webhook""#) && $0.contains(id) }
        }
        #expect(eventually { lines(dead).count >= 8 && !lines(busy).isEmpty })
        #expect(lines(dead).count == 8 && lines(busy).count == 1)
        #expect(lines(dead).allSatisfy { $0.contains(#""host": "127.0.0.1:9""#) && $0.contains("no connection") })
        #expect(lines(dead)[7].contains(#""try": 8"#) && lines(dead)[7].contains(#""next_try_seconds": null"#))
        #expect(lines(busy)[0].contains("the host answered 503"))
        #expect(!service.log.contains { $0.contains("hush") })
    }

    @Test func `one that was taken is not sent again because the journal cannot note it, and a line says so`() throws {
        let receiver = Receiver(failures: 0)
        let server = try HTTPServer(HTTPServerOptions(), handler: receiver)
        defer { server.stop(afterSeconds: 0) }
        let folder = try TemporaryFolder()
        let service = try service(["127.0.0.1:\(server.port)"], folder)
        let state = folder.file("state")
        try StorageTests.change(
            state, "create trigger stuck before delete on delivery begin select raise(abort, 'it is stuck'); end")
        _ = try service.finished(
            try service.submit("x", ", \"webhook_url\": \"http://127.0.0.1:\(server.port)/hook\""))
        func faults() -> [String] { service.log.filter { $0.contains("noting what became of a webhook") } }
        #expect(eventually { !faults().isEmpty })
        // Long enough for it to be asked for again a few times.
        usleep(2_500_000)
        #expect(receiver.requests.count == 1)
        #expect(faults().count == 1 && faults()[0].contains("it is stuck"), "\(faults())")
        try StorageTests.change(state, "drop trigger stuck")
        #expect(eventually { (try? service.get("/metrics").text.contains("wan_webhooks_pending 0\n")) == true })
        #expect(receiver.requests.count == 1)
    }

    @Test func `a host that hangs delays no other`() throws {
        let folder = try TemporaryFolder()
        let secret = try TestService.secret("hook", "whsec_" + Base64.encode(Self.secret), in: folder)
        let hanging = try ScriptedServer { _ in
            var reply = ScriptedServer.Reply(200)
            reply.pause = 60
            return reply
        }
        let receiver = Receiver(failures: 0)
        let server = try HTTPServer(HTTPServerOptions(), handler: receiver)
        defer { server.stop(afterSeconds: 0) }
        let service = try TestService(in: folder) { options in
            options.localWebhookHosts = ["127.0.0.1:\(server.port)", "127.0.0.1:\(hanging.port)"]
            options.webhookSecretFile = secret
        }
        // Each takes ten seconds to be given up: in one line they would keep the others for a minute and more.
        for _ in 0..<8 {
            _ = try service.finished(try service.submit("x", ", \"webhook_url\": \"\(hanging.url)/hook\""))
        }
        #expect(eventually { !hanging.requests.isEmpty })
        _ = try service.finished(
            try service.submit("x", ", \"webhook_url\": \"http://127.0.0.1:\(server.port)/hook\""))
        #expect(eventually { !receiver.requests.isEmpty })
        #expect(receiver.requests.count == 1 && (1..<6).contains(hanging.requests.count))
    }
}

import Crypto
import Foundation
import HTTPServer
import StrictJSON
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoServer

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
            options.webhookHosts = hosts
            options.allowsLocalWebhooks = isLocal
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
        usleep(300_000)
        #expect(receiver.requests.count == 3)
        #expect(try service.get("/metrics").text.contains("wan_webhooks_pending 0\n"))
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
}

import TestSupport
import TestTools
import Testing
import VideoServer
import VideoTypes

/// Pages of other web sites: closed by default, open to those that are named.
@Suite(.bounded) struct ForeignPageTests {
    private let page = [("Origin", "https://app.example.org"), ("Sec-Fetch-Site", "cross-site")]
    private let wish = [("Access-Control-Request-Method", "POST")]

    @Test func `closed by default, in words that name the option`() throws {
        let service = try TestService()
        let refused = try service.post("/v1/videos", json: #"{"prompt": "x"}"#, page)
        #expect(refused.status == 403 && refused["error", "code"] == "origin_not_allowed")
        #expect(refused["error", "message"]?.contains("--origins") == true)
        #expect(try service.ask("OPTIONS", "/v1/videos", page + wish).status == 403)
        #expect(try service.ask("OPTIONS", "/v1/videos").status == 405)
        let client = try RawClient(port: service.service.port)
        client.send("GET /v1/videos HTTP/1.1\r\nHost: video.example.org\r\n\r\n")
        let host = try #require(client.answer())
        #expect(host.status == 403 && host.text.contains("--host-names"))
    }

    @Test func `a page that is named asks first, without a key, and reads the answer`() throws {
        let secrets = try TemporaryFolder()
        let keys = try TestService.secret("keys", "me k-0123456789abcdef\n", in: secrets)
        let service = try TestService(key: "k-0123456789abcdef") { options in
            options.origins = ["https://APP.example.org"]
            options.keyFile = keys
        }
        let first = try TestService.ask(service.service.port, "OPTIONS", "/v1/videos", page + wish)
        #expect(first.status == 204)
        #expect(first.header("Access-Control-Allow-Origin") == "https://app.example.org")
        #expect(first.header("Access-Control-Allow-Headers")?.contains("authorization") == true)
        #expect(first.header("Access-Control-Allow-Methods")?.contains("DELETE") == true)
        // All of what OpenAI's client sends from a browser, and nothing that nobody knows.
        let fields = "authorization,content-type,user-agent,x-stainless-arch, x-stainless-os,openai-organization,cookie"
        let client = try TestService.ask(
            service.service.port, "OPTIONS", "/v1/videos", page + wish + [("Access-Control-Request-Headers", fields)])
        let told = client.header("Access-Control-Allow-Headers") ?? ""
        let allowed = told.split { $0 == "," || $0 == " " }.map(String.init)
        let asked = fields.split { $0 == "," || $0 == " " }.map(String.init)
        #expect(Set(asked).subtracting(allowed) == ["cookie"])
        let made = try service.post("/v1/videos", json: #"{"prompt": "x"}"#, page)
        #expect(made.status == 200 && made.header("Access-Control-Allow-Origin") == "https://app.example.org")
        #expect(made.header("Vary") == "Origin" && made.header("Access-Control-Allow-Credentials") == nil)
        // An error is read, too, a wrong key's as well.
        let wrong = try TestService.ask(service.service.port, "GET", "/v1/videos", page)
        #expect(wrong.status == 401 && wrong.header("Access-Control-Allow-Origin") == "https://app.example.org")
        #expect(try service.get("/v1/videos", [("Origin", "https://app.example.org.evil.org")]).status == 403)
    }

    @Test(arguments: [
        "*", "null", "app.example.org", "https://app.example.org/", "https://app.example.org/x", "file://",
    ])
    func `what is no origin is refused at the start`(_ text: String) {
        #expect(throws: VideoError.self) { try TestService { $0.origins = [text] } }
    }
}

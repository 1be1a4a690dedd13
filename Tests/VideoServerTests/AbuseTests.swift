import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoServer

/// What is sent by somebody who means no good: a refusal of fixed words, and nothing has changed.
@Suite(.bounded) struct AbuseTests {
    /// Every text that may not be found in an answer.
    private static let secrets = ["/tmp", "/root", "/home", "0x7f", "0x5", "jobs.db", "Swift", "errno"]

    private func expectRefusal(_ answer: Answer?, _ what: String) {
        guard let answer else { return }
        #expect((400..<500).contains(answer.status), "\(what): \(answer.status)")
        for secret in Self.secrets { #expect(!answer.text.contains(secret), "\(what): \(answer.text)") }
        // libmicrohttpd writes a few refusals itself.
        if answer.header("Content-Type") == "application/json" {
            #expect(answer["error", "message"] != nil, "\(what): \(answer.text)")
        }
    }

    @Test func `paths lead nowhere`() throws {
        let service = try TestService()
        let id = try service.submit("x")
        _ = try service.finished(id)
        for path in [
            "/../../etc/passwd", "/v1/videos/../../etc/passwd", "/v1/videos/..%2f..%2fetc%2fpasswd",
            "/v1/videos/%2e%2e/%2e%2e/etc/passwd", "/v1/videos/\(id)%00.mp4", "/v1/videos/\(id)/content/../../x",
            "/v1/videos/\(id)%2fcontent", "//etc/passwd", "/v1//models//x", "/v1/videos/\(id.uppercased())",
            "/v1/videos/'%20OR%201=1", "/v1/videos/\(id)?x[]=1%00", "/v1/videos/\(id)/content?variant=../../jobs.db",
            "/v1/videos/\(id)/content?variant=video&variant=video", "/v1/models/..%2f..", "/\u{7F}",
        ] {
            let answer = try service.ask("GET", path)
            if path.contains("?x[]") { continue }
            expectRefusal(answer, path)
        }
        #expect(try service.get("/v1/videos/\(id)")["status"] == "completed")
    }

    @Test func `browsers of other sites and forged hosts are refused`() throws {
        let service = try TestService()
        for headers in [
            [("Origin", "https://evil.example")], [("Origin", "null")], [("Sec-Fetch-Site", "cross-site")],
            [("Origin", "http://localhost.evil.example")], [("Origin", "http://127.0.0.1:1")],
        ] {
            let answer = try service.post("/v1/videos", json: #"{"prompt": "x"}"#, headers)
            #expect(answer.status == 403, "\(headers)")
            expectRefusal(answer, "\(headers)")
        }
        for host in ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "", "169.254.169.254"] {
            let client = try RawClient(port: service.service.port)
            client.send("GET /v1/videos HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
            expectRefusal(client.answer().map(Answer.init), "Host: \(host)")
        }
        #expect(try service.jobCount == 0)
    }

    @Test func `a smuggled request is never answered`() throws {
        let service = try TestService()
        let inner = "POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
        for framing in [
            "Content-Length: 0\r\nContent-Length: \(inner.utf8.count)\r\n",
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n",
            "Content-Length : 0\r\n", "Content-Length: +0\r\n", "Transfer-Encoding: xchunked\r\n",
            "Content-Length: 0x0\r\n", "Content-Length: -1\r\n", "Content-Length: 99999999999999999999\r\n",
        ] {
            let client = try RawClient(port: service.service.port)
            client.send("POST /v1/videos HTTP/1.1\r\nHost: localhost\r\n\(framing)\r\n\(inner)")
            let answer = client.answer(seconds: 10)
            expectRefusal(answer.map(Answer.init), framing)
            #expect(client.answer(seconds: 10) == nil, "\(framing): a second answer")
        }
        #expect(try service.jobCount == 0)
    }

    @Test func `bombs and giants are refused before work begins`() throws {
        let service = try TestService()
        // A PNG of 65,535 by 65,535, one of odd ratio, JPEG 2000 and SVG under another name, a GIF.
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]
        let rest: [UInt8] = [8, 2, 0, 0, 0, 0, 0, 0, 0]
        let pictures: [[UInt8]] = [
            png + [0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF] + rest, png + [0, 0, 0x10, 0, 0, 0, 0, 1] + rest, png,
            [0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20, 13, 10, 0x87, 10], Array("<svg xmlns=\"…\"/>".utf8),
            Array("GIF89a".utf8), [0xFF, 0xD8, 0xFF], Array("RIFF\0\0\0\0WEBP".utf8), [],
        ]
        for picture in pictures {
            let form = Form([("prompt", "x")], files: [("input_reference", "../../r.png", "image/png", picture)])
            let answer = try service.ask("POST", "/v1/videos", [("Content-Type", form.type)], body: form.body)
            #expect(answer["error", "code"] == "invalid_image" && answer["error", "param"] == "input_reference")
            expectRefusal(answer, "\(picture.prefix(20))")
        }
        for member in [
            #""size": "8193x8193""#, #""num_frames": 4097"#, #""size": "8192x8192", "num_frames": 4097"#,
            #""seconds": "3600", "fps": 240"#, #""num_inference_steps": 100000000000"#, #""fps": 1e308"#,
        ] {
            expectRefusal(try service.post("/v1/videos", json: "{\"prompt\": \"x\", \(member)}"), member)
        }
        let deep = String(repeating: "[", count: 200_000)
        expectRefusal(try service.post("/v1/videos", json: deep), "deep")
        expectRefusal(try service.post("/v1/videos", json: "{\"prompt\": \"\(deep)\"}"), "long prompt")
        #expect(try service.jobCount == 0)
    }

    @Test func `hostile texts stay data`() throws {
        let service = try TestService { $0.isVerbose = true }
        let prompt = #"'; DROP TABLE job; -- \" <script> ${jndi:ldap://x} %s%n \u202e"#
        let answer = try service.post("/v1/videos", json: "{\"prompt\": \"\(prompt)\"}")
        #expect(answer.status == 200)
        let id = try #require(answer["id"])
        let done = try service.finished(id)
        #expect(done["status"] == "completed" && done["prompt"] == answer["prompt"])
        #expect(answer["prompt"]?.contains("DROP TABLE") == true)
        for name in ["prompt\r\nX-Evil: 1", "a\u{0}b", "<script>"] {
            let quoted = name.replacing("\r\n", with: "\\r\\n").replacing("\0", with: "\\u0000")
            let refused = try service.post("/v1/videos", json: "{\"prompt\": \"x\", \"\(quoted)\": 1}")
            #expect(refused.header("X-Evil") == nil && refused.status == 400)
        }
        #expect(service.log.allSatisfy { !$0.contains("DROP TABLE") })
        #expect(service.log.contains { $0.contains("prompt_sha256") })
    }

    @Test func `mutated requests get an answer or an end, and the service goes on`() throws {
        let service = try TestService()
        var random = SplitMix(state: 4)
        let form = Form([("prompt", "x"), ("dry_run", "true"), ("num_inference_steps", "2")])
        let heads = [
            "POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: \(form.type)\r\n"
                + "Content-Length: \(form.body.count)\r\n\r\n",
            "GET /v1/videos?limit=5&order=asc HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            "GET /v1/capabilities?size=96x96&fps=8 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        ]
        for round in 0..<300 {
            var request = Array(heads[round % 3].utf8) + (round % 3 == 0 ? form.body : [])
            for _ in 0...Int(random.next() % 3) { random.mutate(&request) }
            let client = try RawClient(port: service.service.port)
            client.send(request)
            client.endSending()
            if let answer = client.answer(seconds: 20) { #expect((100..<600).contains(answer.status)) }
        }
        #expect(try service.get("/health").status == 200)
        #expect(try service.finished(service.submit("x"))["status"] == "completed")
    }
}

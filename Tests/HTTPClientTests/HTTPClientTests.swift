import Foundation
import HTTPClient
import Synchronization
import TestSupport
import TestTools
import Testing

@Suite(.bounded) struct HTTPClientTests {
    private let client = HTTPClient(userAgent: "wan-infer/test")

    private func call(_ method: HTTPCall.Method, _ server: ScriptedServer, _ path: String = "/") throws -> HTTPCall {
        HTTPCall(method, try WebAddress(server.url + path))
    }

    @Test func `a GET brings status, headers and body`() throws {
        let server = try ScriptedServer { _ in .init(207, ["X-One": " a b ", "x-two": ""], "héllo") }
        var call = try call(.get, server, "/v1/videos?after=x&limit=2")
        call.headers = [("Authorization", "Bearer secret"), ("X-Empty", "")]
        let answer = try client.perform(call)
        #expect(answer.status == 207 && answer.isSuccess)
        #expect(answer["x-ONE"] == "a b" && answer["X-Two"] == "" && answer["x-three"] == nil)
        #expect(String(decoding: answer.body, as: UTF8.self) == "héllo")
        let request = try #require(server.requests.first)
        #expect(request.method == "GET" && request.target == "/v1/videos?after=x&limit=2")
        #expect(request.headers["authorization"] == "Bearer secret" && request.headers["x-empty"] == "")
        #expect(request.headers["user-agent"] == "wan-infer/test" && request.headers["expect"] == nil)
        #expect(request.headers["accept-encoding"] == nil)
    }

    @Test func `a POST sends its bytes as they are, none as well`() throws {
        let server = try ScriptedServer { _ in .init() }
        var call = try call(.post, server)
        let bytes = [UInt8](0...255) + [0, 0]
        call.body = .bytes(bytes)
        call.headers = [("Content-Type", "application/json")]
        #expect(try client.perform(call).status == 200)
        call.body = .bytes([])
        #expect(try client.perform(call).status == 200)
        call.body = .none
        #expect(try client.perform(call).status == 200)
        #expect(server.requests.map(\.body) == [bytes, [], []])
        #expect(server.requests.allSatisfy { $0.method == "POST" && $0.headers["content-length"] != nil })
        #expect(server.requests.first?.headers["content-type"] == "application/json")
    }

    @Test func `a form is sent in parts, files with name and type`() throws {
        let server = try ScriptedServer { _ in .init() }
        var call = try call(.post, server)
        call.body = .form([
            .init("prompt", Array("ein Büffel\r\n--x".utf8)), .init("empty", []),
            .init("input_reference", [0, 1, 255], fileName: "r\".png", mediaType: "image/png"),
        ])
        _ = try client.perform(call)
        let request = try #require(server.requests.first)
        let text = String(decoding: request.body, as: UTF8.self)
        #expect(request.headers["content-type"]?.hasPrefix("multipart/form-data; boundary=") == true)
        #expect(text.contains("Content-Disposition: form-data; name=\"prompt\"\r\n\r\nein Büffel\r\n--x\r\n--"))
        #expect(text.contains("name=\"empty\"\r\n\r\n\r\n--"))
        #expect(text.contains("name=\"input_reference\"; filename=\"r%22.png\"\r\nContent-Type: image/png\r\n\r\n"))
        #expect(request.body.firstRange(of: [13, 10, 13, 10, 0, 1, 255, 13, 10]) != nil)
    }

    @Test func `a DELETE has no body`() throws {
        let server = try ScriptedServer { _ in .init(200, [:], "{}") }
        #expect(try client.perform(call(.delete, server, "/v1/videos/x")).body == Array("{}".utf8))
        #expect(server.requests.first?.method == "DELETE" && server.requests.first?.body == [])
    }

    @Test func `a redirect is an answer like others, unless following is asked for`() throws {
        let server = try ScriptedServer { request in
            request.target == "/a" ? .init(302, ["Location": "/b"], "moved") : .init(200, ["X-Last": "1"], "here")
        }
        var call = try call(.get, server, "/a")
        #expect(try client.perform(call).status == 302)
        call.maxRedirects = 2
        let answer = try client.perform(call)
        #expect(answer.status == 200 && answer.body == Array("here".utf8) && answer["location"] == nil)
    }

    @Test func `a redirect never leaves http and https`() throws {
        let server = try ScriptedServer { _ in .init(302, ["Location": "file:///etc/passwd"]) }
        var call = try call(.get, server)
        call.maxRedirects = 2
        #expect(throws: HTTPClientError.self) { try client.perform(call) }
    }

    @Test func `an answer over the limit is refused, at the limit it is taken`() throws {
        let server = try ScriptedServer { _ in .init(200, [:], body: [UInt8](repeating: 7, count: 100_000)) }
        var call = try call(.get, server)
        call.maxBytes = 100_000
        #expect(try client.perform(call).body.count == 100_000)
        call.maxBytes = 99_999
        #expect(throws: HTTPClientError.answerTooLarge(limit: 99_999)) { try client.perform(call) }
    }

    @Test func `headers without end are refused`() throws {
        let server = try ScriptedServer { _ in
            var reply = ScriptedServer.Reply(raw: "HTTP/1.1 200 OK\r\n")
            reply.pieces += (0..<3000).map { Array("X-\($0): \(String(repeating: "a", count: 64))\r\n".utf8) }
            return reply
        }
        #expect(throws: HTTPClientError.answerTooLarge(limit: 64 << 10)) { try client.perform(call(.get, server)) }
    }

    @Test func `a half answer is a broken connection, not a short one`() throws {
        let server = try ScriptedServer { _ in .init(raw: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345") }
        let error = #expect(throws: HTTPClientError.self) { try client.perform(call(.get, server)) }
        guard case .interrupted = error else { return #expect(error == .interrupted("")) }
        #expect(error?.mayHaveBeenSent == true)
    }

    @Test(arguments: ["", "SSH-2.0-x\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n", "\0\0\0\0"])
    func `what is no HTTP is an error`(_ raw: String) throws {
        let server = try ScriptedServer { _ in .init(raw: raw) }
        #expect(throws: HTTPClientError.self) { try client.perform(call(.get, server)) }
    }

    @Test func `mutated answers never crash`() throws {
        let valid =
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        let round = Mutex(UInt64(0))
        let server = try ScriptedServer { _ in
            let seed = round.withLock { value in
                value += 1
                return value
            }
            var random = SplitMix(state: seed)
            var bytes = Array(valid.utf8)
            for _ in 0..<random.next() % 4 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(random.next() % 256)
            }
            var reply = ScriptedServer.Reply()
            reply.pieces = [Array(bytes.prefix(Int(random.next() % UInt64(bytes.count + 1))))]
            return reply
        }
        for _ in 0..<300 { _ = try? client.perform(call(.get, server)) }
        #expect(server.requests.count == 300)
    }

    @Test func `nobody there is unreachable, and nothing was sent`() throws {
        let port = try SilentPort()
        let call = HTTPCall(.post, try WebAddress("http://127.0.0.1:\(port.number)/"))
        let error = #expect(throws: HTTPClientError.self) { try client.perform(call) }
        guard case .unreachable = error else { return #expect(error == .unreachable("")) }
        #expect(error?.mayHaveBeenSent == false)
    }

    @Test func `silence ends at the time limit, after something was sent`() throws {
        let isOver = Mutex(false)
        defer { isOver.withLock { $0 = true } }
        let server = try ScriptedServer { _ in
            _ = eventually { isOver.withLock { $0 } }
            return .init()
        }
        var call = try call(.post, server)
        // Time enough to be sent, on whatever machine.
        for seconds in [0.2, 2, 20] {
            call.totalSeconds = seconds
            let error = #expect(throws: HTTPClientError.self) { try client.perform(call) }
            if error == .timedOut(mayHaveBeenSent: false), seconds < 20 { continue }
            #expect(error == .timedOut(mayHaveBeenSent: true))
            break
        }
    }

    @Test func `kept connections are used again, for work a fresh one is made`() throws {
        let server = try ScriptedServer { _ in
            var reply = ScriptedServer.Reply(200, [:], "x")
            reply.keepsOpen = true
            return reply
        }
        for _ in 0..<3 { _ = try client.perform(call(.get, server)) }
        #expect(server.connectionCount == 1)
        _ = try client.perform(call(.post, server))
        #expect(server.connectionCount == 2)
    }

    @Test func `a call from before leaves nothing behind in the next`() throws {
        let server = try ScriptedServer { _ in .init() }
        var first = try call(.post, server)
        first.headers = [("Authorization", "Bearer secret")]
        first.body = .form([.init("a", [1])])
        _ = try client.perform(first)
        _ = try client.perform(call(.get, server))
        let last = try #require(server.requests.last)
        #expect(last.method == "GET" && last.headers["authorization"] == nil && last.headers["content-type"] == nil)
    }

    @Test(arguments: ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
    func `a header with control characters is not sent`(_ value: String) throws {
        let server = try ScriptedServer { _ in .init() }
        var call = try call(.get, server)
        call.headers = [("X-A", value)]
        let error = #expect(throws: HTTPClientError.self) { try client.perform(call) }
        #expect(server.requests.isEmpty && error?.message.contains("Evil") == false)
        call.headers = [(value, "a")]
        #expect(throws: HTTPClientError.self) { try client.perform(call) }
        #expect(server.requests.isEmpty)
    }

    @Test func `a cancelled task ends its call`() async throws {
        let server = try ScriptedServer { _ in
            Thread.sleep(forTimeInterval: 20)
            return .init()
        }
        let call = try call(.get, server)
        let client = client
        let task = Task { try await client.answer(to: call) }
        server.atFirstRequest { task.cancel() }
        await #expect(throws: HTTPClientError.cancelled) { try await task.value }
    }

    @Test func `an error of the async call is the blocking one's`() async throws {
        let server = try ScriptedServer { _ in .init(503, ["Retry-After": "7"], "busy") }
        #expect(try await client.answer(to: call(.get, server))["retry-after"] == "7")
    }
}

import Foundation
import HTTPServer
import TestTools
import Testing

/// Thousands of damaged requests against a running server.
@Suite(.bounded) struct ServerMutationTests {
    private static let requests = [
        "POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=abc\r\n"
            + "Content-Length: 180\r\n\r\n--abc\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nhello\r\n--abc\r\n"
            + "Content-Disposition: form-data; name=\"input_reference\"; filename=\"a\"\r\nContent-Type: image/png\r\n\r\n"
            + "xx\r\n--abc--\r\n",
        "GET /health?after=video_1&limit=20 HTTP/1.1\r\nHost: localhost:8000\r\nAuthorization: Bearer x\r\n"
            + "Range: bytes=0-99\r\nOrigin: http://localhost:8000\r\nAccept: */*\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
            + "5\r\nhello\r\n1F\r\n0123456789012345678901234567890\r\n0\r\nTrailer: x\r\n\r\n",
    ]

    private static let words = [
        "\r\n", "\r\n\r\n", "\n", "\0", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "chunked",
        "GET / HTTP/1.1",
        "HTTP/1.0", "%00", "%2f", " ", "\t", "0\r\n\r\n", "FFFFFFFF", "-1", "99999999999999999999",
        "Connection: close\r\n",
        "Host: x\r\n", "é", "--abc--",
    ]

    @Test func `mutated requests neither crash the server nor stay in it`() throws {
        var options = HTTPServerOptions()
        options.idleSeconds = 5
        let server = try HTTPServer(options, handler: TestHandler())
        var mutator = Mutator(seed: 7, words: Self.words)
        var kinds: [String: Int] = [:]
        let count = Mutator.count(2000)
        var early: Usage?
        for number in 0..<count {
            // After the first tenth every pool and cache has what it needs.
            if number == count / 10 { early = try Usage(of: server) }
            let request = mutator.mutant(of: mutator.pick(Self.requests) ?? "")
            let client = try RawClient(port: server.port)
            client.send(request)
            client.endSending()
            let (bytes, end) = client.rest()
            #expect(end != .silent)
            let line = String(decoding: bytes.prefix(12), as: UTF8.self)
            kinds[line.hasPrefix("HTTP/1.1 ") ? String(line.suffix(3)) : "none", default: 0] += 1
            if number % 100 == 99 { #expect(try server.isFine()) }
        }
        #expect(try server.isFine())
        let late = try Usage(of: server)
        #expect(late.connections == 0)
        for kind in ["200", "400", "403", "none"] { #expect(kinds[kind, default: 0] > 0, "\(kinds)") }
        // Only without other tests beside it does this say something about the server.
        guard ProcessInfo.processInfo.environment["WAN_HTTP_MUTANTS"] != nil, let early else { return }
        print("\(count) mutated requests: \(kinds); first tenth \(early), end \(late)")
        #expect(late.descriptors <= early.descriptors)
        #expect(late.residentBytes < early.residentBytes + 8 << 20)
    }

    private struct Usage {
        let connections: Int
        let descriptors: Int
        let residentBytes: Int

        init(of server: HTTPServer) throws {
            _ = eventually { server.connections == 0 }
            connections = server.connections
            descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            let status = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
            residentBytes = (status.count > 1 ? Int(status[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
        }
    }
}

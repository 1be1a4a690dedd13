import Foundation
import HTTPServer
import TestSupport
import TestTools
import Testing

/// Files: whole, in ranges, under conditions, and to clients that leave.
@Suite(.bounded) struct FileTests {
    private let folder: TemporaryFolder
    private let content: [UInt8]
    private let server: HTTPServer

    init() throws {
        let folder = try TemporaryFolder()
        let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 251) }
        try Data(content).write(to: URL(fileURLWithPath: folder.file("clip")))
        try Data().write(to: URL(fileURLWithPath: folder.file("empty")))
        let path = folder.path
        func file(_ name: String, _ count: Int) -> TestHandler.Route {
            { _ in
                let descriptor = unsafe open(path + "/" + name, O_RDONLY | O_CLOEXEC)
                let file = HTTPFile(
                    descriptor: descriptor, byteCount: count, mediaType: "video/mp4", entityTag: "tag-1")
                return HTTPResponse(
                    status: 200, headers: HTTPHeaders([("Cache-Control", "private")]), body: .file(file))
            }
        }
        self.folder = folder
        self.content = content
        server = try HTTPServer(
            HTTPServerOptions(),
            handler: TestHandler([
                "/clip": file("clip", content.count), "/empty": file("empty", 0), "/short": file("clip", 400_000),
            ]))
    }

    private func ask(_ fields: String = "", method: String = "GET", path: String = "/clip") throws -> RawClient.Answer {
        let client = try RawClient(port: server.port)
        client.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
        return try #require(client.answer(toHead: method == "HEAD"))
    }

    @Test func `a file comes whole, with what a player needs to ask for parts`() throws {
        let answer = try ask()
        #expect(answer.status == 200)
        #expect(answer.body == content)
        #expect(answer["Content-Type"] == "video/mp4")
        #expect(answer["Content-Length"] == "300000")
        #expect(answer["Accept-Ranges"] == "bytes")
        #expect(answer["ETag"] == "\"tag-1\"")
        #expect(answer["Cache-Control"] == "private")
    }

    @Test func `HEAD says what GET would, without the bytes`() throws {
        let client = try RawClient(port: server.port)
        client.send("HEAD /clip HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-9\r\n\r\n")
        let answer = try #require(client.answer(toHead: true))
        #expect(answer.status == 200)
        #expect(answer["Content-Length"] == "300000")
        client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(client.answer()?.text == "fine")
    }

    struct Case: CustomTestStringConvertible {
        let range: String
        /// nil: the whole file; empty: 416.
        let bytes: Range<Int>?
        var testDescription: String { range }

        init(_ range: String, _ bytes: Range<Int>?) {
            self.range = range
            self.bytes = bytes
        }
    }

    static let count = 300_000

    static let cases = [
        Case("bytes=0-0", 0..<1),
        Case("bytes=100-199", 100..<200),
        Case("bytes=299990-", 299_990..<count),
        Case("bytes=-500", 299_500..<count),
        Case("bytes=-300000", 0..<count),
        Case("bytes=-300001", 0..<count),
        Case("bytes=-99999999999999999999999", 0..<count),
        Case("bytes=0-18446744073709551615", 0..<count),
        Case("bytes=0-99999999999999999999999", 0..<count),
        Case("BYTES=1-1", 1..<2),
        Case("bytes=299999-300000", 299_999..<count),
        Case("bytes=300000-", 0..<0),
        Case("bytes=99999999-", 0..<0),
        Case("bytes=18446744073709551615-", 0..<0),
        Case("bytes=-0", 0..<0),
        Case("bytes=5-1", nil),
        Case("bytes=a-b", nil),
        Case("bytes=0-1,5-6", nil),
        Case("bytes=--5", nil),
        Case("bytes=+1-5", nil),
        Case("bytes=0x1-5", nil),
        Case("bytes= -", nil),
        Case("bytes=", nil),
        Case("bytes", nil),
        Case("items=0-1", nil),
        Case("bytes=１-２", nil),
    ]

    @Test(arguments: cases) func `each range gets its bytes`(_ sample: Case) throws {
        let answer = try ask("Range: \(sample.range)\r\n")
        guard let bytes = sample.bytes else {
            #expect(answer.status == 200)
            #expect(answer.body == content)
            #expect(answer["Content-Range"] == nil)
            return
        }
        if bytes.isEmpty {
            #expect(answer.status == 416)
            #expect(answer["Content-Range"] == "bytes */300000")
        } else {
            #expect(answer.status == 206)
            #expect(answer.body == Array(content[bytes]))
            #expect(answer["Content-Range"] == "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/300000")
            #expect(answer["ETag"] == "\"tag-1\"")
        }
    }

    @Test func `conditions are kept`() throws {
        for (fields, status) in [
            ("If-None-Match: \"tag-1\"\r\n", 304), ("If-None-Match: W/\"tag-1\"\r\n", 304),
            ("If-None-Match: \"other\", \"tag-1\"\r\n", 304), ("If-None-Match: *\r\n", 304),
            ("If-None-Match: \"tag-1\"\r\nRange: bytes=0-1\r\n", 304), ("If-None-Match: \"other\"\r\n", 200),
            ("If-None-Match: tag-1\r\n", 200), ("If-Range: \"tag-1\"\r\nRange: bytes=0-1\r\n", 206),
            ("If-Range: \"other\"\r\nRange: bytes=0-1\r\n", 200),
            ("If-Range: W/\"tag-1\"\r\nRange: bytes=0-1\r\n", 200),
            ("If-Range: Sat, 21 Nov 2026 10:00:00 GMT\r\nRange: bytes=0-1\r\n", 200),
        ] {
            let answer = try ask(fields)
            #expect(answer.status == status, "\(fields)")
            #expect(answer["ETag"] == "\"tag-1\"")
            if status == 304 { #expect(answer.body.isEmpty) }
        }
    }

    @Test func `an empty file has no ranges`() throws {
        #expect(try ask(path: "/empty").status == 200)
        #expect(try ask("Range: bytes=0-\r\n", path: "/empty").status == 416)
        #expect(try ask("Range: bytes=-1\r\n", path: "/empty").status == 416)
    }

    @Test func `a file shorter than it is said to be is an error, not a hang`() throws {
        #expect(try ask(path: "/short").status == 500)
        #expect(try ask("Range: bytes=0-9\r\n", path: "/short").status == 206)
    }

    @Test func `clients that leave in the middle leave nothing behind`() throws {
        for _ in 0..<50 {
            let client = try RawClient(port: server.port, receiveBuffer: 4096)
            client.send("GET /clip HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(client.take(100) != nil)
            client.reset()
        }
        #expect(eventually { server.connections == 0 })
        let files = FileManager.default
        // Only those of this file: other tests of this process open and close theirs at the same time.
        #expect(
            try eventually {
                try files.contentsOfDirectory(atPath: "/proc/self/fd").allSatisfy {
                    (try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) != folder.file("clip")
                }
            })
        #expect(try server.isFine())
    }

    @Test func `a file goes on though its name is removed`() throws {
        let client = try RawClient(port: server.port, receiveBuffer: 4096)
        client.send("GET /clip HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(client.take(100) != nil)
        try FileManager.default.removeItem(atPath: folder.file("clip"))
        #expect(client.take(299_000) != nil)
    }
}

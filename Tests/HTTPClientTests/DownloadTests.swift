import Files
import Foundation
import HTTPClient
import TestSupport
import TestTools
import Testing
import VideoTypes

@Suite(.bounded) struct DownloadTests {
    private let client = HTTPClient()
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func call(_ server: ScriptedServer) throws -> HTTPCall { HTTPCall(.get, try WebAddress(server.url)) }

    @Test func `a file appears whole, for its owner alone, and its bytes are shown on the way`() throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let server = try ScriptedServer { _ in .init(200, ["ETag": "\"x\""], body: bytes) }
        var call = try self.call(server)
        call.maxBytes = bytes.count
        var seen: [UInt8] = []
        let answer = try client.save(call, to: folder.file("clip.mp4")) { seen += $0 }
        #expect(answer.savedBytes == bytes.count && answer.body.isEmpty && answer["etag"] == "\"x\"")
        #expect(seen == bytes)
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("clip.mp4"))) == Data(bytes))
        #expect(try folder.names == ["clip.mp4"])
        let mode = try FileManager.default.attributesOfItem(atPath: folder.file("clip.mp4"))[.posixPermissions]
        #expect(mode as? Int == 0o600)
    }

    @Test func `a refusal is no file`() throws {
        let server = try ScriptedServer { _ in .init(404, [:], "{\"error\":1}") }
        let answer = try client.save(call(server), to: folder.file("clip.mp4"))
        #expect(answer.status == 404 && answer.savedBytes == nil && answer.body == Array("{\"error\":1}".utf8))
        #expect(try folder.names.isEmpty)
    }

    @Test func `what comes can be taken piece by piece, and left where it is enough`() throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let server = try ScriptedServer { request in
            request.target == "/none" ? .init(404, [:], "none") : .init(206, ["Content-Range": "x"], body: bytes)
        }
        var call = try self.call(server)
        call.maxBytes = bytes.count
        var seen: [UInt8] = []
        let answer = try client.stream(call) { head, piece in
            #expect(head.status == 206 && head["content-range"] == "x")
            seen += piece
        }
        #expect(seen == bytes && answer.savedBytes == bytes.count && answer.body.isEmpty)
        seen = []
        #expect(throws: HTTPClientError.cancelled) {
            try client.stream(call) { _, piece throws(HTTPClientError) in
                seen += piece
                if seen.count > 100_000 { throw .cancelled }
            }
        }
        #expect(seen.count > 100_000 && seen.count < 1_000_000)
        let refusal = try client.stream(HTTPCall(.get, try WebAddress(server.url + "/none"))) { _, piece in seen = piece
        }
        #expect(refusal.status == 404 && refusal.body == Array("none".utf8) && seen.count > 100_000)
    }

    @Test func `what breaks off or grows too large leaves nothing`() throws {
        let cut = try ScriptedServer { _ in .init(raw: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345") }
        #expect(throws: HTTPClientError.self) { try client.save(self.call(cut), to: folder.file("clip.mp4")) }
        let large = try ScriptedServer { _ in .init(200, [:], body: [UInt8](repeating: 1, count: 1000)) }
        var call = try self.call(large)
        call.maxBytes = 999
        #expect(throws: HTTPClientError.answerTooLarge(limit: 999)) {
            try client.save(call, to: folder.file("clip.mp4"))
        }
        #expect(try folder.names.isEmpty)
    }

    @Test func `an earlier file stays until the new one is whole`() throws {
        try Data("old".utf8).write(to: URL(fileURLWithPath: folder.file("clip.mp4")))
        let cut = try ScriptedServer { _ in .init(raw: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345") }
        #expect(throws: HTTPClientError.self) { try client.save(call(cut), to: folder.file("clip.mp4")) }
        #expect(try String(contentsOfFile: folder.file("clip.mp4"), encoding: .utf8) == "old")
        let whole = try ScriptedServer { _ in .init(200, [:], "new") }
        _ = try client.save(call(whole), to: folder.file("clip.mp4"))
        #expect(try String(contentsOfFile: folder.file("clip.mp4"), encoding: .utf8) == "new")
    }

    @Test func `a folder that is not there is an error before the call`() throws {
        let server = try ScriptedServer { _ in .init() }
        #expect(throws: HTTPClientError.fileFailed(FileFailure("open", ENOENT))) {
            try client.save(call(server), to: folder.file("no/clip.mp4"))
        }
        #expect(server.requests.isEmpty)
    }

    @Test func `a cancelled download leaves nothing`() async throws {
        let server = try ScriptedServer { _ in
            var reply = ScriptedServer.Reply(raw: "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            reply.pieces += Array(repeating: [1, 2, 3], count: 200)
            reply.pause = 0.1
            return reply
        }
        let call = try self.call(server)
        let (client, path) = (client, folder.file("clip.mp4"))
        let task = Task { try await client.download(call, to: path) }
        server.atFirstRequest { task.cancel() }
        await #expect(throws: HTTPClientError.cancelled) { try await task.value }
        #expect(try folder.names.isEmpty)
    }

    @Test func `each error keeps its kind and has words`() {
        let errors: [(HTTPClientError, VideoError.Code)] = [
            (.libraryMissing(name: "libcurl.so.4", reason: "gone"), .deviceUnavailable),
            (.invalidCall("x"), .invalidRequest), (.forbiddenDestination("x"), .invalidRequest),
            (.unreachable("x"), .internalError), (.timedOut(mayHaveBeenSent: true), .internalError),
            (.interrupted("x"), .internalError), (.answerTooLarge(limit: 7), .internalError),
            (.fileFailed(FileFailure("write", ENOSPC)), .diskFull),
            (.fileFailed(FileFailure("open", EACCES)), .outputFailed), (.cancelled, .cancelled),
        ]
        for (error, code) in errors {
            let told = VideoError(reporting: error)
            #expect(told.code == code && !told.message.isEmpty, "\(error)")
        }
        #expect(errors[0].0.videoError.hint?.contains("libcurl") == true)
        #expect(errors[8].0.message == "what comes cannot be written: open failed: Permission denied")
    }
}

import Foundation
import TestSupport
import TestTools
import Testing
import VideoServer

/// One key cannot shut out the rest.
@Suite(.bounded) struct FairnessTests {
    private static let greedy = "greedy-0123456789abcdef"
    private static let other = "other-0123456789abcdef"

    private func service(_ change: (inout ServiceOptions) -> Void = { _ in }) throws -> TestService {
        let folder = try TemporaryFolder()
        let keys = try TestService.secret("keys", "greedy \(Self.greedy)\nother \(Self.other)\n", in: folder)
        return try TestService(in: folder, key: Self.greedy) { options in
            options.keyFile = keys
            change(&options)
        }
    }

    private func connection(
        _ service: TestService, _ method: String, _ path: String, _ body: String = ""
    ) throws -> RawClient {
        let client = try RawClient(port: service.service.port)
        client.send(
            "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(Self.greedy)\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return client
    }

    /// A clip that never ends.
    private let slow = #"{"prompt": "x fake:held"}"#

    @Test func `the queue keeps places for other keys, and turns for them`() throws {
        let service = try service { $0.maxQueued = 8 }
        var accepted = 0
        var refused: Answer?
        for _ in 0..<12 where refused == nil {
            let answer = try service.post(
                "/v1/videos", json: #"{"prompt": "x fake:held", "priority": 100}"#)
            if answer.status == 200 { accepted += 1 } else { refused = answer }
            // The first one is claimed at some time; then its place is free again.
            if accepted == 1 { #expect(try eventually { try service.get("/v1/videos").text.contains("in_progress") }) }
        }
        #expect(accepted == 7 && refused?.status == 429 && refused?["error", "code"] == "queue_full")
        #expect(refused?["error", "message"]?.contains("other keys") == true && refused?.header("Retry-After") != nil)
        let other = try service.ask(
            "POST", "/v1/videos", [("Content-Type", "application/json")], body: Array(slow.utf8), key: Self.other)
        #expect(other.status == 200 && other["queue_position"] == "1", "\(other.text)")
    }

    @Test func `a waiter that hangs up frees its seat at once`() throws {
        let service = try service { $0.maxQueued = 200 }
        var waiting: [RawClient] = []
        func isFull() throws -> Bool {
            let answer = try service.ask(
                "POST", "/v1/videos/sync", [("Content-Type", "application/json")], body: Array(#"{"prompt": ""}"#.utf8))
            return answer.status == 429
        }
        // Who asks whether it is full sits down for a moment too, perhaps where a waiter was about to.
        #expect(
            try eventually {
                guard try !isFull() else { return true }
                waiting.append(try connection(service, "POST", "/v1/videos/sync", slow))
                return false
            })
        // The other key still has seats: its order is looked at.
        let other = try service.ask(
            "POST", "/v1/videos/sync", [("Content-Type", "application/json")], body: Array(#"{"prompt": ""}"#.utf8),
            key: Self.other)
        #expect(other.status == 400)
        // No clip ends: a seat that is free is that of one who has hung up.
        waiting.removeAll()
        #expect(try eventually { try !isFull() })
    }

    @Test func `streams of events are shared by key`() throws {
        let service = try service()
        let ids = try (0..<10).map { _ in
            try #require(try service.post("/v1/videos", json: slow)["id"])
        }
        var streams: [RawClient] = []
        var statuses: [Int?] = []
        for id in ids {
            for _ in 0..<4 {
                let stream = try connection(service, "GET", "/v1/videos/\(id)/events")
                statuses.append(stream.head()?.status)
                streams.append(stream)
            }
        }
        #expect(statuses.count { $0 == 200 } == 24 && statuses.count { $0 == 429 } == 16)
        let mine = try service.ask(
            "POST", "/v1/videos", [("Content-Type", "application/json")], body: Array(slow.utf8), key: Self.other)
        let id = try #require(mine["id"])
        let stream = try RawClient(port: service.service.port)
        stream.send(
            "GET /v1/videos/\(id)/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(Self.other)\r\n\r\n")
        #expect(stream.head()?.status == 200)
        withExtendedLifetime(streams) {}
    }

    @Test func `whoever holds connections, health is answered`() throws {
        let service = try service()
        // Both ends are this process's.
        var files = rlimit()
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        try #require(unsafe getrlimit(kind, &files) == 0 && files.rlim_max >= 8192, "too few files may be open")
        files.rlim_cur = max(files.rlim_cur, 8192)
        try #require(unsafe setrlimit(kind, &files) == 0)
        let silent = (0..<2200).compactMap { _ in try? RawClient(port: service.service.port) }
        #expect(silent.count == 2200)
        for path in ["/health", "/ready"] {
            for _ in 0..<20 { #expect(try [200, 503].contains(service.get(path).status)) }
        }
        #expect(try service.get("/v1/videos").status == 200)
    }
}

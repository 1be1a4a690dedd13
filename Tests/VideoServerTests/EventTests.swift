import Foundation
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoServer

/// One event of a stream.
private struct ServerEvent: Equatable {
    let id: Int
    let kind: String
    let data: String

    var json: JSONValue? { try? JSONValue(Array(data.utf8)) }

    static func all(in text: String) -> [ServerEvent] {
        text.components(separatedBy: "\n\n").compactMap { block in
            var fields: [String: String] = [:]
            for line in block.split(separator: "\n") where !line.hasPrefix(":") {
                let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
                fields[parts[0]] = parts.count == 2 ? parts[1] : ""
            }
            guard let id = fields["id"].flatMap({ Int($0) }), let kind = fields["event"], let data = fields["data"]
            else {
                return nil
            }
            return ServerEvent(id: id, kind: kind, data: data)
        }
    }
}

/// Streams of events, and webhooks.
@Suite(.bounded) struct EventTests {
    @Test func `a stream tells everything once, in order, and can be taken up again`() throws {
        let service = try TestService()
        let id = try service.submit("x fake:step=0.05")
        // Opened while the clip is made: it ends with the clip.
        let answer = try service.get("/v1/videos/\(id)/events")
        #expect(answer.status == 200 && answer.header("Content-Type") == "text/event-stream")
        let events = ServerEvent.all(in: answer.text)
        #expect(events.map(\.id) == events.map(\.id).sorted() && Set(events.map(\.id)).count == events.count)
        #expect(events.first?.kind == "status" && events.last?.kind == "completed")
        let percents = events.filter { $0.kind == "progress" }.compactMap { Int($0.json?["progress"]?.text ?? "") }
        #expect(percents.count > 3 && percents == percents.sorted() && percents.allSatisfy { $0 < 100 })
        #expect(events.last?.json?["id"]?.text == id && events.last?.json?["progress"]?.text == "100")

        let middle = events[events.count / 2]
        let rest = try service.get("/v1/videos/\(id)/events", [("Last-Event-ID", "\(middle.id)")])
        #expect(ServerEvent.all(in: rest.text) == events.filter { $0.id > middle.id })
        let none = try service.get("/v1/videos/\(id)/events", [("Last-Event-ID", "\(events.last?.id ?? 0)")])
        #expect(none.status == 200 && none.text.isEmpty)
        for odd in ["-5", "x", "99999999999999999999", "1e3", "' OR 1=1"] {
            #expect(
                ServerEvent.all(in: try service.get("/v1/videos/\(id)/events", [("Last-Event-ID", odd)]).text) == events
            )
        }
    }

    @Test func `streams are limited for a job, and their places come back`() throws {
        let service = try TestService()
        let id = try service.submit("x fake:held")
        var clients: [RawClient] = []
        for _ in 0..<4 {
            let client = try RawClient(port: service.service.port)
            client.send("GET /v1/videos/\(id)/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(client.head()?.status == 200)
            clients.append(client)
        }
        let fifth = try service.get("/v1/videos/\(id)/events")
        #expect(fifth.status == 429 && fifth["error", "code"] == "too_many_streams")
        clients = []
        // The server notices at its next turn that nobody listens.
        #expect(
            try eventually {
                let client = try RawClient(port: service.service.port)
                client.send("GET /v1/videos/\(id)/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                return client.head()?.status == 200
            })
        #expect(try service.post("/v1/videos/\(id)/cancel", json: "{}").status == 200)
    }

    @Test func `progress never falls when a worker dies and another goes on`() throws {
        let service = try TestService()
        let id = try service.submit("x fake:step=0.05 fake:crash@12 fake:once", ", \"num_inference_steps\": 16")
        var seen: [Int] = []
        var last: Answer?
        _ = try eventually {
            let now = try service.get("/v1/videos/\(id)")
            seen.append(now["progress"].flatMap { Int($0) } ?? -1)
            last = now
            return now["status"] == "completed" || now["status"] == "failed"
        }
        #expect(last?["status"] == "completed" && last?["attempt"] == "2", "\(last?.text ?? "")")
        #expect(seen == seen.sorted() && seen.last == 100)
        let events = ServerEvent.all(in: try service.get("/v1/videos/\(id)/events").text)
        let percents = events.compactMap { Int($0.json?["progress"]?.text ?? "") }
        #expect(percents == percents.sorted() && events.filter { $0.kind == "status" }.count >= 4)
    }
}

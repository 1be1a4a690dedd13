import JobStore
import StrictJSON
import TestTools
import Testing
import VideoTypes

@testable import VideoServer

/// Addresses, queries, headers.
@Suite(.bounded) struct RouteTests {
    private func route(_ method: String, _ path: String) throws(APIError) -> Route {
        try Route(method: method, path: path.split(separator: "/").map(String.init))
    }

    private func status(_ method: String, _ path: String) -> Int {
        do throws(APIError) {
            _ = try route(method, path)
            return 200
        } catch {
            return error.status
        }
    }

    @Test func `words that stand where an id could are matched first`() throws {
        let id = JobID()
        #expect(try route("POST", "/v1/videos/edits") == .unsupported("edits"))
        #expect(try route("POST", "/v1/videos/extensions") == .unsupported("extensions"))
        #expect(try route("GET", "/v1/videos/characters/x") == .unsupported("characters"))
        #expect(try route("POST", "/v1/videos/sync") == .createAndWait)
        #expect(try route("HEAD", "/v1/videos/\(id)/content") == .content(id))
        #expect(try route("DELETE", "/v1/videos/\(id)") == .delete(id))
        #expect(try route("GET", "/") == .page("/") && route("GET", "/start.js") == .page("/start.js"))
        #expect(try route("GET", "/livez") == .health)
    }

    @Test func `what is not there is 404, what is there otherwise 405`() {
        let id = JobID()
        for path in [
            "/v2/videos", "/v1", "/v1/videos/x", "/v1/videos/video_123", "/v1/videos/\(id)/x", "/v1/models/a/b",
            "/v1/videos/\(id)/content/x", "/favicon.ico", "/v1/videos/VIDEO_\(id.description.dropFirst(6))",
        ] {
            #expect(status("GET", path) == 404, "\(path)")
        }
        for (method, path) in [
            ("PUT", "/v1/videos"), ("GET", "/v1/videos/\(id)/cancel"), ("POST", "/health"), ("OPTIONS", "/v1/videos"),
            ("TRACE", "/"), ("DELETE", "/v1/videos"),
        ] {
            #expect(status(method, path) == 405, "\(method) \(path)")
        }
    }

    @Test func `a wish to wait is understood or passed over`() {
        for (header, seconds) in [
            (nil, nil), ("wait=5", 5), ("wait", 60), ("wait=900", 60), ("respond-async, wait=7", 7), ("wait=\"3\"", 3),
            ("wait=-1", nil), ("wait=1e9", nil), ("wait=99999999999999999999", nil), ("waiting=3", nil), ("", nil),
        ] as [(String?, Int?)] {
            #expect(WaitWish.seconds(header) == seconds, "\(header ?? "nil")")
        }
    }

    @Test func `a list takes what the client sends and nothing else`() throws {
        let id = JobID()
        let query = try ListQuery([("limit", "500"), ("after", id.description), ("order", "asc")])
        #expect(query.limit == 100 && query.after == id && query.isAscending)
        #expect(try ListQuery([("limit", "0")]).limit == 1)
        for bad in [("limit", "x"), ("limit", "１"), ("after", "../x"), ("order", "up"), ("before", "x")] {
            #expect(throws: APIError.self) { try ListQuery([bad]) }
        }
        #expect(throws: APIError.self) { try ListQuery([("limit", "1"), ("limit", "2")]) }
    }

    @Test func `a trace is written down only where it has its form`() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        #expect(TraceParent.checked(good) == good)
        for bad in ["", "x", good + "0", good.uppercased(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7\n01"]
        {
            #expect(TraceParent.checked(bad) == nil)
        }
    }

    @Test func `errors have the form of the API and say when to come back`() throws {
        let answer = Answer(raw: .init(AnswerWriter.error(APIError(429, "queue_full", "full", retryAfter: 300))))
        #expect(answer["error", "type"] == "rate_limit_error" && answer["error", "code"] == "queue_full")
        #expect(answer.json?["error"]?["param"] == .null)
        #expect(answer.header("Retry-After") == "300" && answer.header("x-should-retry") == "false")
        let soon = Answer(raw: .init(AnswerWriter.error(APIError(429, "queue_full", "full", retryAfter: 20))))
        #expect(soon.header("x-should-retry") == nil)
        let key = Answer(raw: .init(AnswerWriter.error(.keyMissing)))
        #expect(key.status == 401 && key.header("WWW-Authenticate") == "Bearer")
    }
}

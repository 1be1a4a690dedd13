import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// Answers that no cloud should give.
@Suite(.bounded) struct CloudInputTests {
    private let folder: TemporaryFolder
    private let server: FakeVideoServer
    private let book: OrderBook
    private let provider: CloudProvider

    init() throws {
        folder = try TemporaryFolder()
        server = try FakeVideoServer()
        book = try OrderBook(path: folder.file("orders"))
        let place = CloudCase(cloud: "openai", model: "sora-2")
        let url = server.url
        let desk = try place.desk(at: url, folder, book: book, poll: 0.01)
        provider = try CloudProvider("cloud", desk, model: place.model)
    }

    private func error(_ request: VideoRequest) async -> ProviderError? {
        do throws(ProviderError) {
            _ = try await provider.generate(request) { _ in }
            return nil
        } catch {
            return error
        }
    }

    private var orders: Int { server.calls.count { $0 == "POST /v1/videos" } }

    /// Long texts by a short name, for arguments are printed.
    private static func written(_ body: String) -> String {
        switch body {
        case "huge": "{\"id\": \"" + String(repeating: "x", count: 100 << 20) + "\"}"
        case "deep": String(repeating: "[", count: 100_000)
        default: body
        }
    }

    @Test(arguments: [
        "{\"id\": \"../../etc/passwd\", \"status\": \"queued\"}", "{\"id\": \"a/b\"}", "{\"id\": \"\"}", "{\"id\": []}",
        "{}",
        "[]", "", "null", "<html>", "{\"id\": \"a\", \"id\": \"b\"}", "deep", "huge",
    ])
    func `an answer to an order that says nothing leaves it unknown`(_ body: String) async throws {
        server.first("POST /v1/videos", .init(200, [:], Self.written(body)))
        let request = VideoRequest(prompt: "a red ball")
        #expect(await error(request)?.name == "outcome_unknown")
        #expect(await error(request)?.name == "outcome_unknown")
        #expect(orders == 1 && book.openCount == 1)
    }

    @Test(arguments: [
        "[]", "", "null", "<html>", "{\"status\": 5}", "{\"status\": \"dancing\"}", "huge", "\u{0}\u{1}",
        "{\"status\": \"in_progress\", \"progress\": 1e999}", "{\"status\": \"in_progress\", \"progress\": -7}",
    ])
    func `an answer to a look that says nothing is passed over`(_ body: String) async throws {
        server.first("GET /v1/videos/video_1", .init(200, [:], Self.written(body)), .init(200, [:], "{}"))
        let outcome = try await provider.generate(VideoRequest(prompt: "a red ball")) { _ in }
        #expect(outcome.frames == 9 && orders == 1)
    }

    @Test(arguments: [
        "http://169.254.169.254/latest", "https://10.0.0.1/x", "file:///etc/passwd", "//other/x", "ftp://x/y", "/\\x",
        "",
    ])
    func `a clip is not fetched from where it must not be sent to`(_ target: String) async throws {
        server.first("GET /v1/videos/video_1/content", .init(302, ["Location": target], ""))
        let request = VideoRequest(prompt: "a red ball")
        #expect(await error(request)?.name == "corrupt_output")
        #expect(await provider.spentDollars(on: request.id) == 0.4)
        #expect(await !provider.hasOpenOrder(of: request.id))
    }

    @Test func `what cannot be written down is not ordered`() async throws {
        var request = VideoRequest(prompt: "a red ball")
        request.durationSeconds = .nan
        #expect(await error(request) != nil)
        #expect(orders == 0)
    }
}

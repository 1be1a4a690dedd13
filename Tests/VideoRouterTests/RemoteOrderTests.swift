import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// Orders at servers are placed once and found again, as those at clouds.
@Suite(.bounded) struct RemoteOrderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func remote(
        _ server: FakeVideoServer, _ book: OrderBook, poll: Double = 0.02,
        _ change: (inout RemoteProviderOptions) -> Void = { _ in }
    ) throws -> RemoteVideoProvider {
        var options = RemoteProviderOptions(name: "server", url: server.url, folder: folder.file("clips"))
        options.dollarsPerSecond = 0.1
        change(&options)
        return try RemoteVideoProvider(options, book: book, pollSeconds: poll)
    }

    private func error(_ provider: RemoteVideoProvider, _ request: VideoRequest) async -> ProviderError? {
        do throws(ProviderError) {
            _ = try await provider.generate(request) { _ in }
            return nil
        } catch {
            return error
        }
    }

    private func request() -> VideoRequest {
        var request = VideoRequest(prompt: "a red ball")
        request.durationSeconds = 4
        return request
    }

    private func orders(_ server: FakeVideoServer) -> [ScriptedServer.Request] {
        server.requests.filter { $0.method == "POST" && $0.target == "/v1/videos" }
    }

    /// No answer at all is that of status 0.
    private static let lost: [(Int, String)] = [
        (0, ""), (504, #"{"error": {"message": "no", "code": ""}}"#), (502, "<html>"), (500, ""), (500, "[]"),
        (500, "not json"), (200, "{}"), (200, "[]"), (200, ""), (200, "not json"), (200, #"{"id": 5}"#),
        (200, #"{"id": "a"}"#), (200, #"{"id": "../x", "status": "queued"}"#),
    ]

    @Test(arguments: lost)
    func `an order of which nobody knows whether it came is charged and not placed again`(
        _ status: Int, _ body: String
    ) async throws {
        let server = try FakeVideoServer()
        let book = OrderBook()
        let provider = try remote(server, book)
        server.first("POST /v1/videos", status == 0 ? .init(raw: "") : .init(status, [:], body))
        let request = request()
        #expect(await error(provider, request)?.name == "outcome_unknown")
        #expect(await error(provider, request)?.name == "outcome_unknown")
        #expect(orders(server).count == 1 && book.openCount == 1)
        #expect(await provider.spentDollars(on: request.id) == 0.4)
        #expect(await provider.hasOpenOrder(of: request.id))
        // One of one's own that costs nothing holds nobody up.
        let free = try remote(server, book) { $0.dollarsPerSecond = 0 }
        #expect(await !free.hasOpenOrder(of: request.id))
    }

    @Test(arguments: [false, true]) func `an order is told by whom it is followed`(_ isOurs: Bool) async throws {
        let server = try FakeVideoServer(capabilities: isOurs ? FakeVideoServer.ours : nil)
        var request = request()
        request.traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        _ = try await remote(server, OrderBook()).generate(request) { _ in }
        #expect(orders(server).map { $0.headers["traceparent"] } == [request.traceParent])
    }

    @Test func `a lost order is found in the server's list, by its words and its time`() async throws {
        let server = try FakeVideoServer()
        let now = Int(Date().timeIntervalSince1970)
        let entries = [
            ("video_0", "a blue ball", now), ("video_2", "a red ball", now - 900), ("video_1", "a red ball", now),
        ]
        .map { #"{"id": "\#($0)", "model": "m", "prompt": "\#($1)", "created_at": \#($2)}"# }
        server.change { $0.list = entries.joined(separator: ", ") }
        server.first("POST /v1/videos", .init(raw: ""))
        let provider = try remote(server, OrderBook())
        let clip = try await provider.generate(request()) { _ in }
        #expect(clip.metadata["remote_id"] == "video_1" && orders(server).count == 1)
    }

    @Test func `our own server is told a lost order again, under the same name`() async throws {
        let server = try FakeVideoServer(capabilities: FakeVideoServer.ours)
        server.first("POST /v1/videos", .init(raw: ""))
        let book = OrderBook()
        let provider = try remote(server, book)
        let request = request()
        let clip = try await provider.generate(request) { _ in }
        let keys = orders(server).compactMap { $0.headers["idempotency-key"] }
        #expect(keys.count == 2 && Set(keys).count == 1 && book.openCount == 0)
        #expect(clip.metadata["quoted_dollars"] == 0.002)
    }

    @Test func `what could not be told is told when it is asked for again, what is over is another order`()
        async throws
    {
        let server = try FakeVideoServer(capabilities: FakeVideoServer.ours)
        let book = OrderBook()
        let provider = try remote(server, book)
        let request = request()
        server.first("POST /v1/videos", .init(raw: ""), .init(raw: ""))
        #expect(await error(provider, request)?.name == "outcome_unknown")
        let next = try remote(server, book)
        #expect(try await next.generate(request) { _ in }.frames == 9)
        #expect(Set(orders(server).compactMap { $0.headers["idempotency-key"] }).count == 1 && book.openCount == 0)
        server.change { $0.looks = 100_000 }
        let second = self.request()
        let task = Task { await error(next, second) }
        #expect(try await becomesTrue { book.open(of: second.id) { $0.ticket != nil }.count == 1 })
        await next.cancel(second.id)
        #expect(await task.value == .cancelled)
        #expect(try await becomesTrue { book.openCount == 0 })
        server.change { ($0.looks, $0.isStopped) = (1, false) }
        _ = try await next.generate(second) { _ in }
        #expect(Set(orders(server).compactMap { $0.headers["idempotency-key"] }).count == 3)
    }

    @Test func `after a restart an open order is watched and brought, and no clip is ordered twice`() async throws {
        let server = try FakeVideoServer()
        let book = try OrderBook(path: folder.file("orders"))
        let request = request()
        // Placed by a process that never comes to look again.
        server.first("GET /v1/videos/video_1", .init(200, [:], #"{"id": "video_1", "status": "queued"}"#))
        let slow = try remote(server, book, poll: 1000)
        let task = Task { await error(slow, request) }
        #expect(try await becomesTrue { server.calls.contains("GET /v1/videos/video_1") })
        #expect(book.open(at: "server").contains { $0.ticket != nil })
        try FileManager.default.copyItem(atPath: folder.file("orders"), toPath: folder.file("copy"))
        let copy = try OrderBook(path: folder.file("copy"))
        let next = try remote(server, copy)
        #expect(try await next.capabilities(for: request).costDollars == 0)
        let clip = try #require(await next.recover()[request.id]).get()
        #expect(clip.frames == 9 && copy.openCount == 0 && orders(server).count == 1)
        // Who asks again gets the same file, and what it cost stands in the book.
        #expect(try await next.generate(request) { _ in }.path == clip.path)
        #expect(await next.hasClip(of: request.id) && copy.totalDollars == clip.costDollars)
        #expect(orders(server).count == 1)
        task.cancel()
        _ = await task.value
    }

    @Test func `limits of all orders together hold at servers, too`() async throws {
        let server = try FakeVideoServer()
        var limits = SpendingLimits()
        limits.dollarsPerDay = 0.5
        let provider = try remote(server, try OrderBook(path: folder.file("orders"), limits: limits))
        _ = try await provider.generate(request()) { _ in }
        // What came was shorter, and cost less.
        var long = request()
        long.durationSeconds = 5
        #expect(try await provider.capabilities(for: long).obstacles.map(\.parameter) == [Ranker.money])
        #expect(await error(provider, long) == .budget)
        #expect(orders(server).count == 1)
    }

    @Test func `a book that is only remembered forgets the oldest that are over`() throws {
        let book = OrderBook()
        for number in 0..<1100 {
            var record = OrderRecord(
                reference: "\(number)", account: "a", provider: "p", model: "m", request: "r\(number)", digest: "d",
                prompt: "", seconds: 5, quotedDollars: 1, placedAt: 1)
            record.state = number == 0 ? .unknown : .done
            try book.write(record)
        }
        #expect(book.summary.count == 1024 && book.openCount == 1)
        #expect(book.latest("p", "r0") != nil && book.latest("p", "r1") == nil && book.latest("p", "r1099") != nil)
    }
}

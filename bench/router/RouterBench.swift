import Files
import Foundation
import VideoRouter
import VideoTypes

/// How long the router takes to decide: 20 models of five clouds are asked and ranked, and nothing is called.
///
/// `router-bench [DECISIONS] [FORMER ORDERS]`; run the release build.
@main enum RouterBench {
    /// All that need no call to say whether they are well.
    private static let models: [(cloud: String, models: [String])] = [
        (
            "fal",
            [
                "kling-v3-standard", "kling-v3-pro", "veo-3.1", "veo-3.1-fast", "wan-2.6", "seedance-2.0",
                "hailuo-2.3", "ltx-2", "ltx-2-fast",
            ]
        ),
        ("minimax", ["MiniMax-Hailuo-2.3", "MiniMax-Hailuo-2.3-Fast", "MiniMax-H3", "MiniMax-H3-Max"]),
        ("kling", ["kling-3.0", "kling-3.0-turbo", "kling-4.0"]),
        ("together", ["wan-2.2-t2v", "hailuo-02", "kling-2.1-standard"]),
        ("luma-agents", ["ray-3.2"]),
    ]

    static func main() async throws {
        let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
        let decisions = max(numbers.first ?? 1000, 10)
        let orders = numbers.dropFirst().first ?? 0
        let folder = NSTemporaryDirectory() + "router-bench-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write(orders, to: folder + "/orders")
        let providers = try providers(folder)
        let router = try VideoRouter(providers)
        var request = VideoRequest(prompt: "a red ball moves from left to right")
        (request.durationSeconds, request.durationRule, request.maxCostDollars) = (5, .atLeast, 2)
        var whole: [Double] = []
        for number in 0..<decisions {
            request.id = "decision-\(number)"
            let start = SystemClock.monotonic()
            let findings = try await router.explain(request)
            whole.append(SystemClock.monotonic() - start)
            guard findings.count == providers.count, findings.first?.rank == 0 else { fatalError("nobody was found") }
        }
        print("\(providers.count) providers, \(orders) former orders, \(decisions) decisions")
        report("asked and ranked", whole)
        report("ranked alone", try await ranked(providers, request, decisions))
    }

    /// What the arithmetic takes when everybody has answered.
    private static func ranked(
        _ providers: [CloudProvider], _ request: VideoRequest, _ decisions: Int
    ) async throws -> [Double] {
        var surveys: [ProviderSurvey] = []
        for (order, provider) in providers.enumerated() {
            surveys.append(
                ProviderSurvey(
                    provider: provider.name, order: order,
                    answer: .capabilities(try await provider.capabilities(for: request)), breaker: .allowed,
                    health: .ready))
        }
        let situation = RoutingSituation(now: 0, remainingSeconds: nil, remainingDollars: 2)
        return (0..<decisions).map { _ in
            let start = SystemClock.monotonic()
            let ranker = Ranker(
                policy: RoutingPolicy(), features: RequestFeatures(request), options: RoutingOptions(),
                requestID: request.id)
            guard ranker.rank(surveys, situation).best != nil else { fatalError("nobody was found") }
            return SystemClock.monotonic() - start
        }
    }

    private static func providers(_ folder: String) throws -> [CloudProvider] {
        guard
            FileManager.default.createFile(
                atPath: folder + "/key", contents: Data("a-key".utf8), attributes: [.posixPermissions: 0o600])
        else { throw CocoaError(.fileWriteUnknown) }
        let (book, prices) = (try OrderBook(path: folder + "/orders"), try PriceList.builtIn())
        return try models.flatMap { cloud, models in
            var options = CloudOptions(cloud: cloud, folder: folder + "/clips")
            options.key = .file(folder + "/key")
            // The port of nobody: a call would be seen as an obstacle.
            options.url = "http://127.0.0.1:9"
            let desk = try CloudAccount(options, book: book, prices: prices)
            return try models.map { try CloudProvider("\(cloud)-\($0)", desk, model: $0) }
        }
    }

    /// A book of orders that came to an end.
    private static func write(_ count: Int, to path: String) throws {
        guard count > 0 else { return }
        let now = Date().timeIntervalSince1970
        let lines = (0..<count).map { number in
            #"{"account":"fal at 127.0.0.1:9","digest":"d","dollars":0.5,"endedAt":\#(now),"model":"ltx-2","#
                + #""placedAt":\#(now - 60),"prompt":"p","provider":"fal-ltx-2","quotedDollars":0.5,"#
                + #""reference":"r\#(number)","request":"request-\#(number)","seconds":5,"state":"done"}"#
        }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: path))
    }

    private static func report(_ name: String, _ seconds: [Double]) {
        let sorted = seconds.sorted()
        let at = { (part: Double) in
            let index = min(Int(Double(sorted.count) * part), sorted.count - 1)
            return String(format: "%.3f ms", sorted[index] * 1000)
        }
        print("\(name): median \(at(0.5)), 90 % \(at(0.9)), 99 % \(at(0.99))")
    }
}

import Foundation
import Synchronization
import VideoRouter
import VideoTypes

/// A router over fake clouds in a process that a test kills: `cloud-child FOLDER ORDERS CLOUD=URL …`.
///
/// Begins with what an earlier one left open, then makes the clips that are still wanted, several at a time.
@main enum CloudChild {
    private static let atOnce = 8

    static func main() async throws { try await run() }

    private static func run() async throws {
        let words = CommandLine.arguments
        guard words.count > 3, let count = Int(words[2]) else {
            fatalError("cloud-child FOLDER ORDERS CLOUD=URL …")
        }
        // It must not outlive a test that was itself killed.
        let parent = getppid()
        Thread.detachNewThread {
            while getppid() == parent {
                usleep(100_000)
            }
            exit(1)
        }
        let folder = words[1]
        let book = try OrderBook(path: folder + "/orders")
        let shops = try words.dropFirst(3).map { word in try shop(word, folder, book) }
        let providers = shops.map(\.provider)
        var policy = RoutingPolicy()
        policy.checksQuality = false
        policy.retryDelaySeconds = 0.01
        policy.longestCooldownWaitSeconds = 1
        let router = try VideoRouter(providers, policy: policy, log: try DecisionLog(path: folder + "/decisions"))
        for provider in providers { try await router.letIn(provider.name) }
        await withTaskGroup(of: Void.self) { group in
            for shop in shops { group.addTask { await shop.recover() } }
        }
        // What nobody could make is asked for again.
        var missing = Self.missing(count, folder)
        while !missing.isEmpty {
            let numbers = Numbers(missing)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<atOnce {
                    group.addTask {
                        while let number = numbers.next() {
                            // Every fourth goes where the router likes.
                            let name = number % 4 == 0 ? nil : providers[number % providers.count].name
                            await make(number, router, folder, provider: name)
                        }
                    }
                }
            }
            try await Task.sleep(for: .milliseconds(50))
            missing = Self.missing(count, folder)
        }
        print("finished with \(book.openCount) open")
    }

    /// Who sells clips, and how orders of an earlier process are taken up.
    private typealias Shop = (provider: any VideoProvider, recover: @Sendable () async -> Void)

    /// A cloud and its model, or `server`: somebody's own that speaks OpenAI's API.
    private static func shop(_ word: String, _ folder: String, _ book: OrderBook) throws -> Shop {
        let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
        if parts[0] == "server" { return try server(parts[1], folder, book) }
        let names = parts[0].split(separator: "/").map(String.init)
        var options = CloudOptions(cloud: names[0], folder: folder + "/clips")
        options.key = .file(folder + "/key")
        options.url = parts[1]
        (options.project, options.location) = ("our-project", "us-central1")
        let desk = try CloudAccount(
            options, book: book, prices: try PriceList.withFile(folder + "/prices.json"), pollSeconds: 0.02)
        let provider = try CloudProvider(names[0], desk, model: names[1])
        return (provider, { _ = await provider.recover() })
    }

    private static func server(_ url: String, _ folder: String, _ book: OrderBook) throws -> Shop {
        var options = RemoteProviderOptions(name: "server", url: url, folder: folder + "/clips")
        options.key = .file(folder + "/key")
        options.model = "sora-2"
        options.sizes = [.init(width: 1280, height: 720)]
        options.durationsSeconds = [4]
        options.dollarsPerSecond = 0.1
        let provider = try RemoteVideoProvider(options, book: book, pollSeconds: 0.02)
        return (provider, { _ = await provider.recover() })
    }

    private static func mark(_ number: Int, _ folder: String) -> String { "\(folder)/results/\(number)" }

    private static func missing(_ count: Int, _ folder: String) -> [Int] {
        (0..<count).filter { !FileManager.default.fileExists(atPath: mark($0, folder)) }
    }

    /// One clip; what came of it goes into a file of its own, once.
    private static func make(
        _ number: Int, _ router: VideoRouter, _ folder: String, provider: String?
    ) async {
        var request = VideoRequest(prompt: "clip number \(number)")
        request.id = "order-\(number)"
        request.maxCostDollars = 4
        var options = RoutingOptions(allowsPromise: false)
        options.provider = provider
        let text: String
        do throws(RouterError) {
            guard case .done(let clip) = try await router.generate(request, options: options) else { return }
            text = "done \(clip.provider) \(clip.path)"
        } catch {
            let isUnknown = error.message.contains("outcome_unknown")
            guard error.code != .noProviderAvailable || isUnknown else { return }
            text = isUnknown ? "unknown" : "failed \(error.code.rawValue)"
        }
        try? Data(text.utf8).write(to: URL(filePath: mark(number, folder)), options: .atomic)
    }
}

/// Each number once.
private final class Numbers: Sendable {
    private let rest: Mutex<[Int]>

    init(_ numbers: [Int]) { rest = Mutex(numbers.reversed()) }

    func next() -> Int? { rest.withLock { $0.popLast() } }
}

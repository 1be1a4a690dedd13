import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import VideoRouter

/// Configurations: a whole one, and every way in which one can be wrong.
@Suite(.bounded) struct RouterConfigurationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ text: String) throws(JSONFieldError) -> RouterConfiguration {
        try RouterConfiguration(Array(text.utf8), beside: "there/")
    }

    /// The example of the page, as people copy it.
    private static func example() throws -> String {
        let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: ".github/CLOUDS.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let part = try #require(text.split(separator: "## The configuration", maxSplits: 1).last)
        let block = try #require(part.split(separator: "```json\n", maxSplits: 1).last)
        return String(try #require(block.split(separator: "\n```", maxSplits: 1).first))
    }

    @Test func `the page's example is read, every member of it`() throws {
        let found = try read(try Self.example())
        #expect(found.folder == "there/router" && found.prices == "there/prices.json")
        let local = try #require(found.local)
        #expect(local.name == "here" && local.model == "built-in" && local.device == "auto" && local.threads == 4)
        #expect(local.dollarsPerKilowattHour == 0.3 && local.watts == 350 && local.dollarsPerHour == 0.4)
        let server = try #require(found.servers.first)
        #expect(server.name == "gpu" && server.url == "https://gpu.example.org/v1" && server.model == "wan2.2")
        #expect(server.key == .file("there/gpu.key") && server.fields == .extended && server.dollarsPerSecond == 0.01)
        #expect(server.sizes == [.init(width: 1280, height: 720)] && server.durationsSeconds == [4, 8])
        #expect(server.folder == "there/router/clips" && server.qualities == [.draft, .standard])
        #expect(
            found.names == [
                "here", "gpu", "fal/kling-v3-pro", "veo", "runway/gen4.5", "kling/kling-v3",
                "vertex/veo-3.1-generate-001",
            ])
        // As programs write it that know no whole numbers.
        let floating = try Self.example().replacing("\"slots\": 4", with: "\"slots\": 4.0")
        #expect(try read(floating).clouds.first { $0.options.cloud == "fal" }?.options.slots == 4)
        let fal = try #require(found.clouds.first { $0.options.cloud == "fal" })
        #expect(fal.options.key == .file("there/fal.key") && fal.options.slots == 4)
        let runway = try #require(found.clouds.first { $0.options.cloud == "runway" })
        #expect(runway.options.key == .environment("RUNWAY_KEY"))
        let kling = try #require(found.clouds.first { $0.options.cloud == "kling" })
        #expect(kling.options.secret == .file("there/kling.secret"))
        let vertex = try #require(found.clouds.first { $0.options.cloud == "vertex" })
        #expect(vertex.options.project == "our-project" && vertex.options.location == "us-central1")
        #expect(found.limits.dollarsPerClip == 2 && found.limits.dollarsPerDay == 20)
        #expect(found.limits.dollarsPerThirtyDays == 200 && found.policy.policyFallbacks == ["veo"])
        #expect(found.alsoCalled == ["sora-2", "sora-2-pro"])
        let scorer = try #require(found.scorer)
        #expect(scorer.url == "http://127.0.0.1:8080/v1" && scorer.model == "a-vision-model")
        #expect(scorer.frames == 4 && scorer.seconds == 20 && scorer.key == nil)
        var request = VideoRequest(prompt: "she waits")
        request.cast = ["Anna"]
        #expect(try found.cast.resolved(request).prompt == "she waits\nAnna is a tall woman in a red coat.")
        #expect(found.policyWithLimits.caps[.premium]?.maxCostDollars == 2)
    }

    private static func cloud(_ members: String) -> String {
        #"{"folder": "r", "clouds": [{"cloud": "fal", "models": ["kling-v3-pro"], \#(members)}]}"#
    }

    private static let faults: [(text: String, message: String)] = [
        ("", "no JSON at byte 0"), ("[]", "must be an object"),
        (#"{"folder": "r", "cluods": []}"#, "cluods is not known; known are folder, local, servers, clouds"),
        (#"{"local": {}}"#, "folder is missing"), (#"{"folder": "r"}"#, "nobody is in it who makes clips"),
        (#"{"folder": "", "local": {}}"#, "folder must be the name of a file"),
        (#"{"folder": "r", "local": {"gpu": 1}}"#, "local.gpu is not known; known are name, model"),
        (#"{"folder": "r", "local": {"watts": -1}}"#, "local.watts must be between 0.0"),
        (#"{"folder": "r", "local": {"name": "a\"b"}}"#, "local.name must be 1 to 100 visible"),
        (#"{"folder": "r", "local": {}, "budget": {"dollars_per_day": -1}}"#, "budget.dollars_per_day must be between"),
        (#"{"folder": "r", "local": {}, "budget": {"dollars_per_day": NaN}}"#, "no JSON at byte"),
        (#"{"folder": "r", "local": {}, "budget": {"dollars_per_day": "20"}}"#, "budget.dollars_per_day must be a num"),
        (#"{"folder": "r", "local": {}, "budget": {"per_week": 1}}"#, "budget.per_week is not known; known are doll"),
        (#"{"folder": "r", "local": {}, "policy": {"wihtout": []}}"#, "policy.wihtout is not known"),
        (#"{"folder": "r", "local": {}, "policy": {"without": ["x"]}}"#, "policy names 'x', which is no provider"),
        (
            #"{"folder": "r", "clouds": [{"cloud": "fall", "models": ["x"]}]}"#,
            "clouds[0].cloud 'fall' is no cloud; ther"
        ),
        (#"{"folder": "r", "clouds": [{"cloud": "fal"}]}"#, "clouds[0].models is missing"),
        (#"{"folder": "r", "clouds": [{"cloud": "fal", "models": []}]}"#, "clouds[0].models must not be empty"),
        (
            #"{"folder": "r", "clouds": [{"cloud": "fal", "models": ["veo-9"]}]}"#,
            "clouds[0].models[0] 'veo-9' is no model of fal here; there are: kling-v3-standard"
        ),
        (
            #"{"folder": "r", "clouds": [{"cloud": "vertex", "models": ["x"]}]}"#,
            "clouds[0].cloud vertex: a project and a location are needed"
        ),
        (
            #"{"folder": "r", "clouds": [{"cloud": "fal", "models": ["veo-3.1"]}, {"cloud": "fal", "models": ["veo-3.1"]}]}"#,
            "two providers have the name 'fal/veo-3.1'"
        ),
        (cloud(#""secret": {"file": "s"}"#), "clouds[0].secret is no part of fal's keys; leave it out"),
        (cloud(#""key": "sk-secret-123""#), "clouds[0].key must say where the key is: {\"file\": NAME}"),
        (cloud(#""key": {"value": "sk-secret-123"}"#), "clouds[0].key.value is not known; known are file, environment"),
        (cloud(#""key": {"file": "a", "environment": "B"}"#), "clouds[0].key must say where the key is"),
        (cloud(#""key": {"environment": "A B"}"#), "clouds[0].key.environment must be the name of a variable"),
        (#"{"folder": "r", "local": {}, "cast": [{"kind": "character"}]}"#, "cast[0].name is missing"),
        (#"{"folder": "r", "local": {}, "cast": [{"name": "a"}]}"#, "cast 'a' has no words and no pictures"),
        (#"{"folder": "r", "local": {}, "cast": [{"name": "a", "kind": "dog"}]}"#, "cast[0].kind must be one of cha"),
        (
            #"{"folder": "r", "local": {}, "cast": [{"name": "a", "pictures": ["none.png"]}]}"#,
            "cast[0].pictures name what is no picture: "
        ),
        (#"{"folder": "r", "local": {}, "scorer": {"url": "u"}}"#, "scorer.model is missing"),
        (#"{"folder": "r", "local": {}, "scorer": {"url": "u", "model": "m", "frames": 99}}"#, "scorer.frames must be"),
        (#"{"folder": "r", "local": {}, "scorer": {"url": "u", "model": "m", "key": "k"}}"#, "scorer.key must say wh"),
        (cloud(#""slots": 0"#), "clouds[0].slots must be a whole number between 1"),
        (cloud(#""poll_seconds": 0"#), "clouds[0].poll_seconds must be between 0.01"),
        (#"{"folder": "r", "servers": [{"url": "https://x/v1"}]}"#, "servers[0].name is missing"),
        (#"{"folder": "r", "servers": [{"name": "x"}]}"#, "servers[0].url is missing"),
        (
            #"{"folder": "r", "servers": [{"name": "x", "url": "u", "sizes": ["big"]}]}"#,
            "servers[0].sizes must be sizes like 1280x720"
        ),
        (
            #"{"folder": "r", "servers": [{"name": "x", "url": "u", "seconds": [0]}]}"#,
            "servers[0].seconds must be lengths of clips"
        ),
        (
            #"{"folder": "r", "servers": [{"name": "x", "url": "u", "qualities": ["best"]}]}"#,
            "servers[0].qualities must be one or more of draft"
        ),
    ]

    @Test func `what is wrong is named with its place, and no key is repeated`() {
        for (text, message) in Self.faults {
            let error = #expect(throws: JSONFieldError.self, "\(text)") { try read(text) }
            #expect(error?.message.hasPrefix(message) == true, "\(text): \(error?.message ?? "")")
            #expect(error?.message.contains("sk-secret") == false)
        }
    }

    private func write(_ name: String, _ text: String, mode: Int = 0o600) -> String {
        _ = FileManager.default.createFile(
            atPath: folder.file(name), contents: Data(text.utf8), attributes: [.posixPermissions: mode])
        return folder.file(name)
    }

    private func fleet(_ text: String, for use: RouterFleet.Use = .work) throws -> RouterFleet {
        let configuration = try RouterConfiguration(file: write("router.json", text))
        return try RouterFleet(configuration, for: use) { machine, _ throws(RouterError) in
            throw RouterError(.configuration, "no \(machine.name) in this test")
        }
    }

    private static let whole = cloud(#""key": {"file": "key"}, "url": "http://127.0.0.1:9""#)

    private func message(_ text: String) -> String {
        do {
            _ = try fleet(text)
            return ""
        } catch {
            return (error as? RouterError)?.message ?? "\(error)"
        }
    }

    @Test func `keys that others can read, prices of the wrong unit and taken books are told`() throws {
        _ = write("key", "sk-secret-123", mode: 0o644)
        var found = message(Self.whole)
        #expect(found.contains("the key file \(folder.file("key"))") && !found.contains("sk-secret"), "\(found)")
        _ = write("key", "two words")
        found = message(Self.whole)
        #expect(found.contains("holds no key: one word of printable ASCII") && !found.contains("two words"))
        try FileManager.default.removeItem(atPath: folder.file("key"))
        _ = write("key", "sk-secret-123")
        let priced = Self.whole.dropLast() + #", "prices": "prices.json"}"#
        #expect(message(String(priced)).contains("there is no price file"))
        let rate = #""rates": [{"amount": 1}]"#
        let head = #""cloud": "fal", "model": "veo-3.1", "date": "2026-12-01""#
        for (members, text) in [
            (#""currency": "USD", "per": "minute", \#(rate)"#, "prices[0].per must be one of second, clip"),
            (#""currency": "EUR", "per": "clip", \#(rate)"#, "prices[0].currency must be one of USD"),
            (#""currency": "USD", "per": "clip", "rates": [{"amount": -1}]"#, "amount must be between"),
        ] {
            _ = write("prices.json", #"{"prices": [{\#(head), \#(members)}]}"#)
            #expect(message(String(priced)).contains(text), "\(message(String(priced)))")
        }
        let first = try fleet(Self.whole)
        #expect(message(Self.whole).contains("another process has the book of orders"))
        // Whoever only looks disturbs nobody.
        #expect(try fleet(Self.whole, for: .look).providers.map(\.name) == first.providers.map(\.name))
    }

    @Test func `what all clips may cost together holds for every order`() async throws {
        _ = write("key", "sk-secret-123")
        let fleet = try fleet(Self.whole.dropLast() + #", "budget": {"dollars_per_day": 1, "dollars_per_clip": 0.9}}"#)
        let book = try #require(fleet.book)
        var request = VideoRequest(prompt: "a cat")
        request.durationSeconds = 5
        let cloud = try #require(fleet.clouds.first)
        #expect(try await cloud.capabilities(for: request).obstacles == [])
        func order(_ dollars: Double) throws {
            try book.write(
                OrderRecord(
                    reference: OrderRecord.randomReference(), account: "a", provider: "fal/kling-v3-pro", model: "m",
                    request: "r", digest: "d", prompt: "p", seconds: 5, quotedDollars: dollars,
                    placedAt: Date().timeIntervalSince1970))
        }
        try order(0.7)
        let findings = try await fleet.router.explain(request)
        #expect(findings[0].obstacles.contains { $0.kind == .budget && $0.reason.contains("0.7 $ of the 1 $ for") })
        #expect(RouterError.lasting(findings)?.code == .budget)
        // Two at once do not pass it together.
        #expect(throws: ProviderError.budget) { try order(0.4) }
        #expect(book.budgets.first == .init(window: "24 hours", limitDollars: 1, spentDollars: 0.7))
        request.durationSeconds = 10
        let dear = try await fleet.router.explain(request)
        #expect(dear[0].obstacles.contains { $0.kind == .budget && $0.reason.contains("0.9 $ are left") })
    }
}

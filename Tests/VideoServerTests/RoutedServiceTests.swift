import Foundation
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoRouter
import VideoServer
import VideoTypes

/// The service in front of a router over fake clouds.
@Suite(.bounded, .needs("python3", "ffmpeg")) struct RoutedServiceTests {
    private static let key = "fake-key"
    private let folder: TemporaryFolder
    private let bed: CloudBed

    init() throws {
        folder = try TemporaryFolder()
        bed = try CloudBed(["fal", "runway"])
        for cloud in ["fal", "runway"] { try bed.reset(cloud) }
        try write("cloud.key", Self.key)
        func cloud(_ name: String, _ model: String) -> String {
            """
            {"cloud": "\(name)", "models": ["\(model)"], "key": {"file": "cloud.key"}, "url": "\(bed.url(name))", \
            "poll_seconds": 0.05}
            """
        }
        try write(
            "router.json",
            """
            {"folder": "router", "clouds": [\(cloud("fal", "kling-v3-pro")), \(cloud("runway", "gen4.5"))], \
            "policy": {"checks_quality": false}, "budget": {"dollars_per_day": 100}}
            """)
    }

    private func write(_ name: String, _ text: String) throws {
        _ = FileManager.default.createFile(
            atPath: folder.file(name), contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    }

    private func fleet() throws -> RouterFleet {
        try RouterFleet(RouterConfiguration(file: folder.file("router.json")), for: .work) { _, _ throws(RouterError) in
            throw RouterError(.configuration, "no engine here")
        }
    }

    private func service(_ fleet: RouterFleet) throws -> TestService {
        try TestService(in: folder) { options in
            options.router = RoutedService(fleet, alsoCalled: ["sora-2"])
            options.isVerbose = true
        }
    }

    /// What the dearer cloud serves, and the other only where it must.
    private static let wish = #", "seconds": "5", "quality": "premium""#
    private static let order = #"{"prompt": "a cat", "seconds": "5", "quality": "premium"}"#

    private func checkSecrecy(_ texts: [String]) throws {
        for text in texts { #expect(!text.contains(Self.key)) }
        let files = try #require(FileManager.default.enumerator(atPath: folder.path))
        for case let name as String in files where name != "cloud.key" {
            guard let bytes = FileManager.default.contents(atPath: folder.file(name)) else { continue }
            #expect(bytes.range(of: Data(Self.key.utf8)) == nil, "\(name)")
        }
    }

    @Test func `an order is made by a cloud, and the answer says by whom and for how much`() throws {
        let service = try service(fleet())
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let ordered = try service.post("/v1/videos", json: Self.order, [("traceparent", trace)])
        #expect(ordered.status == 200 && ordered["quoted_dollars"] == "0.56", "\(ordered.text)")
        #expect(ordered["seconds"] == "5" && ordered["size"] == nil && ordered["model"] == "router")
        let id = try #require(ordered["id"])
        let done = try service.finished(id)
        #expect(done["status"] == "completed" && done["provider"] == "fal/kling-v3-pro", "\(done.text)")
        #expect(done["model"] == "kling-v3-pro" && done["cost_dollars"] == "0.56" && done["size"] == "64x36")
        #expect(done.list("attempts").count == 1 && done["spent_dollars"] == "0.56")
        let clip = try service.get("/v1/videos/\(id)/content")
        #expect(clip.status == 200 && clip.raw.body.dropFirst(4).starts(with: Array("ftyp".utf8)))
        #expect(try service.get("/v1/videos/\(id)/content?variant=thumbnail").status == 200)
        #expect(try bed.log("fal").contains { $0["headers"]?["traceparent"]?.text == trace })
        // The journal has the only copy.
        let clips = folder.file("router/clips")
        #expect(try eventually { try FileManager.default.contentsOfDirectory(atPath: clips).isEmpty })

        let page = try service.get("/metrics").text
        for line in [
            #"wan_provider_orders_total{provider="fal/kling-v3-pro"} 1"#,
            #"wan_provider_cost_dollars_total{provider="fal/kling-v3-pro"} 0.56"#,
            #"wan_provider_breaker_state{provider="runway/gen4.5",state="closed"} 1"#,
        ] { #expect(page.contains(line), "\(page)") }
        #expect(page.contains(#"wan_jobs_total{state="completed",provider="fal/kling-v3-pro",model="router""#))
        let router = try service.get("/v1/router")
        #expect(router.list("decisions").first?["outcome"]?["provider"]?.text == "fal/kling-v3-pro", "\(router.text)")
        #expect(router.list("orders").first?["dollars"]?.text == "0.56")
        #expect(router.list("budgets").first?["limit_dollars"]?.text == "100.0")
        #expect(try service.get("/router.html").text.contains("router.js"))
        try checkSecrecy(service.log + [page, router.text, done.text])
    }

    @Test func `models are providers, models and the router's own choice`() throws {
        let service = try service(fleet())
        let names = try service.get("/v1/models").list("data").compactMap { $0["id"]?.text }
        #expect(names == ["router", "fal/kling-v3-pro", "runway/gen4.5"])
        #expect(try service.get("/v1/models/router").status == 200)
        for (model, provider) in [
            ("runway/gen4.5", "runway/gen4.5"), ("gen4.5", "runway/gen4.5"), ("sora-2", "fal/kling-v3-pro"),
            ("router", "fal/kling-v3-pro"),
        ] {
            let id = try service.submit("a cat", Self.wish + #", "model": "\#(model)""#)
            #expect(try service.finished(id)["provider"] == provider)
        }
        let stranger = try service.post("/v1/videos", json: #"{"prompt": "x", "model": "veo-9"}"#)
        #expect(stranger.status == 404 && stranger["error", "code"] == "model_not_found")
    }

    @Test func `what nobody makes is refused at once, with each one's reason`() throws {
        let service = try service(fleet())
        let long = try service.post("/v1/videos", json: #"{"prompt": "a cat", "seconds": "77"}"#)
        #expect(long.status == 400 && long["error", "code"] == "bad_request", "\(long.text)")
        #expect(long["error", "param"] == "seconds", "\(long.text)")
        #expect(long["error", "message"]?.contains("runway/gen4.5: seconds: ") == true, "\(long.text)")
        // Who names one hears of that one.
        let one = try service.post(
            "/v1/videos", json: #"{"prompt": "a cat", "seconds": "77", "model": "runway/gen4.5"}"#)
        #expect(one["error", "message"]?.contains("runway/gen4.5: ") == true, "\(one.text)")
        #expect(one["error", "message"]?.contains("fal/") == false, "\(one.text)")
        let dear = try service.post(
            "/v1/videos", json: #"{"prompt": "a cat", "seconds": "5", "max_cost_dollars": 0.1}"#)
        #expect(dear.status == 400 && dear["error", "code"] == "budget_exceeded")
        let dry = try service.post("/v1/videos", json: #"{"prompt": "a cat", "dry_run": true\#(Self.wish)}"#)
        #expect(dry["provider"] == "fal/kling-v3-pro" && dry["cost_dollars"] == "0.56")
        #expect(dry.list("providers").count == 2)
        #expect(try service.get("/v1/capabilities?seconds=5&quality=premium")["clip", "cost_dollars"] == "0.56")
        #expect(try bed.jobs("fal").isEmpty && bed.jobs("runway").isEmpty)
        try checkSecrecy(service.log + [long.text, dear.text])
    }

    @Test func `who fails is passed over, and a job that everybody fails has a code`() throws {
        let service = try service(fleet())
        try bed.script("fal", #""ends": ["failed", "failed"]"#)
        let done = try service.finished(try service.submit("a cat", Self.wish))
        #expect(done["provider"] == "runway/gen4.5" && done.list("attempts").count >= 2, "\(done.text)")
        try bed.script("fal", #""ends": ["policy"]"#)
        let refused = try service.finished(
            try service.submit("a cat", Self.wish + #", "model": "fal/kling-v3-pro""#))
        #expect(refused["status"] == "failed" && refused["error", "code"] == "content_policy_violation")
        #expect(refused["error", "message"] == "the content was refused")
        #expect(try service.get("/metrics").text.contains(#"kind="content_policy_violation"} 1"#))
    }

    @Test func `a job that is cancelled or deleted stops its order`() throws {
        let service = try service(fleet())
        try bed.script("fal", #""working_polls": 100000"#)
        for (count, method) in ["cancel", "delete"].enumerated() {
            let id = try service.submit("a cat \(method)", Self.wish)
            #expect(try eventually { try bed.jobs("fal").count == count + 1 })
            #expect(try eventually { try service.get("/v1/videos/\(id)")["status"] == "in_progress" })
            let answer =
                try method == "cancel"
                ? service.post("/v1/videos/\(id)/cancel", json: "{}") : service.ask("DELETE", "/v1/videos/\(id)")
            #expect(answer.status == 200)
            #expect(try eventually { try bed.log("fal").filter { "\($0)".contains("/cancel") }.count >= count + 1 })
        }
    }

    @Test func `a job that nobody can make now waits until somebody can`() async throws {
        let fleet = try fleet()
        for provider in fleet.providers { try await fleet.router.shutOut(provider.name) }
        let service = try service(fleet)
        let id = try service.submit("a cat", Self.wish)
        #expect(try eventually { try service.get("/v1/videos/\(id)")["status"] == "in_progress" })
        #expect(try bed.jobs("fal").isEmpty)
        for provider in fleet.providers { try await fleet.router.reset(provider.name) }
        #expect(try service.finished(id)["status"] == "completed")
    }

    @Test(arguments: [SIGKILL, SIGTERM])
    func `after a restart an open order is found, and the clip bought once`(_ signal: Int32) throws {
        try bed.script("fal", #""held": true"#)
        let words = "router=" + folder.file("router.json")
        var ids: [String] = []
        do {
            let process = try ServiceProcess(in: folder, words, "drain=0")
            for number in 0..<3 {
                let answer = try process.post("/v1/videos", json: #"{"prompt": "cat \#(number)"\#(Self.wish)}"#)
                ids.append(try #require(answer["id"], "\(answer.text)"))
            }
            #expect(try eventually { try bed.jobs("fal").count == 3 })
            #expect(try eventually { try bed.log("fal").count >= 12 })
            process.send(signal)
            _ = process.wait()
            try bed.script("fal", #""held": false"#)
        }
        let next = try ServiceProcess(in: folder, words)
        for id in ids {
            let done = try next.finished(id)
            #expect(done["status"] == "completed" && done["provider"] == "fal/kling-v3-pro", "\(done.text)")
            #expect(done["cost_dollars"] == "0.56")
        }
        #expect(try bed.jobs("fal").count == 3 && bed.jobs("runway").isEmpty)
        next.send(SIGTERM)
        #expect(next.wait() == 0)
        // A worker of this machine would never make these.
        try checkSecrecy([next.errors])
    }
}

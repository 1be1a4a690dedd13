import Crypto
import Foundation
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoRouter
import VideoServer
import VideoTypes

/// What the API promises beside plain orders holds through a router, or is refused with a reason.
@Suite(.bounded, .needs("python3", "ffmpeg")) struct RoutedUseTests {
    private let folder: TemporaryFolder
    private let bed: CloudBed

    init() throws {
        folder = try TemporaryFolder()
        bed = try CloudBed(["fal", "runway"])
        for cloud in ["fal", "runway"] { try bed.reset(cloud) }
        let accounts = CloudOffer.all.filter { ["fal", "runway"].contains($0.cloud) }.map { $0.account(bed) }
        try write("cloud.key", "fake-key")
        try configure(#""clouds": [\#(accounts.joined(separator: ", "))]"#)
    }

    private func configure(_ providers: String) throws {
        try write(
            "router.json", #"{"folder": "router", \#(providers), "policy": {"checks_quality": false}}"#)
    }

    private func write(_ name: String, _ text: String) throws {
        _ = FileManager.default.createFile(
            atPath: folder.file(name), contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    }

    private func service(_ change: @escaping (inout ServiceOptions) -> Void = { _ in }) throws -> TestService {
        let configuration = try RouterConfiguration(file: folder.file("router.json"))
        let fleet = try RouterFleet(configuration, for: .work) { _, _ throws(RouterError) in
            throw RouterError(.configuration, "no engine here")
        }
        return try TestService(in: folder) { options in
            options.router = RoutedService(fleet)
            change(&options)
        }
    }

    private static func picture() throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: Fixture.picture("rgb8.png"))))
    }

    /// The last order that a cloud was sent.
    private func order(_ cloud: String) throws -> JSONValue {
        let calls = try bed.log(cloud).filter { $0["method"]?.text == "POST" }
        return try #require(calls.last, "\(cloud) was sent no order")
    }

    private static let runway = #", "seconds": "5", "model": "runway/gen4.5""#
    private static let fal = #", "seconds": "5", "model": "fal/kling-v3-pro""#

    // MARK: Pictures and remixes

    @Test func `pictures of a form or of JSON reach the cloud in its own form, and a remix has them again`() throws {
        let service = try service()
        let picture = try Self.picture()
        let uri = "data:image/png;base64,\(Base64.encode(picture))"
        let form = Form(
            [("prompt", "a bird"), ("seconds", "5"), ("model", "runway/gen4.5")],
            files: [(name: "input_reference", fileName: "r.png", type: "image/png", bytes: picture)])
        let made = try service.ask("POST", "/v1/videos", [("Content-Type", form.type)], body: form.body)
        let id = try #require(made["id"], "\(made.text)")
        #expect(try service.finished(id)["status"] == "completed")
        func sent() throws -> String? {
            guard case .array(let images)? = try order("runway")["json"]?["promptImage"] else { return nil }
            return images.first?["uri"]?.text
        }
        #expect(try order("runway")["target"]?.text == "/v1/image_to_video" && sent() == uri)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("state/inputs")) == ["\(id).first"])

        let remix = try service.post("/v1/videos/\(id)/remix", json: #"{"prompt": "a fish"}"#)
        let other = try #require(remix["id"], "\(remix.text)")
        #expect(remix["remixed_from_video_id"] == id && remix["prompt"] == "a fish")
        let done = try service.finished(other)
        #expect(done["status"] == "completed" && done["provider"] == "runway/gen4.5", "\(done.text)")
        #expect(try order("runway")["json"]?["promptText"]?.text == "a fish" && sent() == uri)
        #expect(try bed.jobs("runway").count == 2)

        let both = try service.submit(
            "a bird", Self.fal + #", "input_reference": "\#(uri)", "input_reference_last": "\#(uri)""#)
        #expect(try service.finished(both)["status"] == "completed")
        let body = try order("fal")["json"]
        #expect(body?["start_image_url"]?.text == uri && body?["end_image_url"]?.text == uri)
        for one in [id, other, both] { #expect(try service.ask("DELETE", "/v1/videos/\(one)").status == 200) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("state/inputs")).isEmpty)
    }

    @Test func `a clip of one's own is gone on from, and nobody else's`() throws {
        let (alice, bob) = ("alice-0123456789abcdef", "bob-0123456789abcdef")
        let keys = try TestService.secret("keys", "alice \(alice)\nbob \(bob)\n", in: folder)
        let service = try service { $0.keyFile = keys }
        func order(_ words: String, _ key: String) throws -> Answer {
            try service.ask(
                "POST", "/v1/videos", [("Content-Type", "application/json")],
                body: Array(#"{"prompt": "a cat"\#(Self.fal)\#(words)}"#.utf8), key: key)
        }
        func finished(_ id: String) throws -> Answer {
            try service.ask("GET", "/v1/videos/\(id)", [("Prefer", "wait=60")], key: alice)
        }
        let first = try #require(try order("", alice)["id"])
        #expect(try finished(first)["status"] == "completed")
        let words = #", "continues": "\#(first)""#
        let stranger = try order(words, bob)
        #expect(stranger.status == 400 && stranger["error", "param"] == "continues", "\(stranger.text)")
        let dry = try service.ask(
            "POST", "/v1/videos", [("Content-Type", "application/json")],
            body: Array(#"{"prompt": "a cat", "dry_run": true\#(Self.fal)\#(words)}"#.utf8), key: alice)
        #expect(dry.text.contains("it goes on from the former clip's last frame"), "\(dry.text)")
        let made = try order(words, alice)
        let second = try #require(made["id"], "\(made.text)")
        let done = try finished(second)
        #expect(done["status"] == "completed" && done["continues_by"] == "last_frame", "\(done.text)")
        #expect(try self.order("fal")["json"]?["start_image_url"]?.text?.hasPrefix("data:image/png") == true)
        #expect(try bed.jobs("fal").count == 2)
    }

    @Test func `what a cloud does not take is refused with its reason, and nothing is ordered`() throws {
        let service = try service()
        let uri = "data:image/png;base64,\(Base64.encode(try Self.picture()))"
        for (more, parameter, reason) in [
            (Self.runway + #", "input_reference_last": "\#(uri)""#, nil, "it takes no picture that a clip ends with"),
            (Self.fal + #", "input_reference_last": "\#(uri)""#, nil, "a last picture only behind a first one"),
            (Self.runway + #", "input_reference": "data:image/png;base64,AAAA""#, "input_reference", "input_reference"),
            (#", "input_reference": "https://example.org/x.png""#, "input_reference", "input_reference"),
            (Self.runway + #", "lora": ["style:0.8"]"#, "lora", "the cloud's model has no such field"),
            (Self.runway + #", "num_inference_steps": 4"#, nil, "the cloud's model has no such field"),
            (Self.fal + #", "continues": "somebody""#, "continues", "no finished clip of a request"),
            (Self.fal + #", "cast": ["Anna"]"#, "cast", "Anna"),
            (Self.runway + #", "shots": ["2: a door", "3: a hall"]"#, "shots", "it makes clips of one piece"),
            (#", "webhook_url": "http://127.0.0.1:9/x""#, "webhook_url", "webhook_url"),
        ] as [(String, String?, String)] {
            let answer = try service.post("/v1/videos", json: #"{"prompt": "a cat"\#(more)}"#)
            #expect(answer.status == 400, "\(more.prefix(80)): \(answer.text)")
            #expect(answer.text.contains(reason), "\(more.prefix(80)): \(answer.text)")
            if let parameter { #expect(answer["error", "param"] == parameter, "\(answer.text)") }
        }
        #expect(try service.jobCount == 0 && bed.jobs("fal").isEmpty && bed.jobs("runway").isEmpty)
    }

    // MARK: Webhooks

    @Test func `a clip that was bought, or could not be, is told by webhook`() throws {
        let receiver = try ScriptedServer { _ in .init(204) }
        let secret = try TestService.secret(
            "hook", "whsec_" + Base64.encode([UInt8](repeating: 7, count: 32)), in: folder)
        let service = try service { options in
            options.localWebhookHosts = ["127.0.0.1:\(receiver.port)"]
            options.webhookSecretFile = secret
            options.webhookDelayFactor = 0
        }
        let hook = #", "webhook_url": "http://127.0.0.1:\#(receiver.port)/hook""#
        try bed.script("fal", #""ends": ["done", "policy"]"#)
        let good = try service.submit("a cat", Self.fal + hook)
        #expect(try service.finished(good)["status"] == "completed")
        let bad = try service.submit("a cat", Self.fal + hook)
        #expect(try service.finished(bad)["status"] == "failed")
        #expect(eventually { receiver.requests.count >= 2 })
        let bodies = try receiver.requests.map { try JSONValue($0.body) }
        let completed = bodies.first { $0["type"]?.text == "video.completed" }?["data"]
        #expect(completed?["id"]?.text == good && completed?["provider"]?.text == "fal/kling-v3-pro")
        #expect(completed?["cost_dollars"]?.text == "0.56", "\(bodies)")
        let failed = bodies.first { $0["type"]?.text == "video.failed" }?["data"]
        #expect(failed?["id"]?.text == bad && failed?["error"]?["code"]?.text == "content_policy_violation")
        #expect(receiver.requests.allSatisfy { $0.headers["webhook-signature"]?.hasPrefix("v1,") == true })
        #expect(receiver.requests.allSatisfy { !$0.text.contains("fake-key") })
    }

    // MARK: Downloads

    @Test func `a clip of a cloud is had whole, in ranges and as pictures, and at once`() throws {
        let service = try service()
        let id = try service.submit("a cat", Self.fal)
        #expect(try service.get("/v1/videos/\(id)/content?variant=preview")["error", "code"] == "no_preview")
        let done = try service.finished(id)
        let count = try #require(done["bytes"].flatMap { Int($0) }, "\(done.text)")
        let place = "/v1/videos/\(id)/content"
        let whole = try service.get(place).raw.body
        #expect(whole.count == count && done["sha256"]?.count == 64)
        let part = try service.get(place, [("Range", "bytes=4-7")])
        #expect(part.status == 206 && part.raw.body == Array("ftyp".utf8))
        #expect(part.header("Content-Range") == "bytes 4-7/\(count)")
        #expect(try service.get(place, [("Range", "bytes=-9")]).raw.body == Array(whole.suffix(9)))
        #expect(try service.get(place, [("Range", "bytes=\(count)-")]).status == 416)
        let tag = try #require(part.header("ETag"))
        let fresh = try service.get(place, [("Range", "bytes=4-7"), ("If-Range", tag)])
        #expect(fresh.status == 206)
        #expect(try service.get(place, [("Range", "bytes=4-7"), ("If-Range", "\"another\"")]).status == 200)
        #expect(try service.ask("HEAD", place).header("Content-Length") == "\(count)")
        for variant in ["thumbnail", "spritesheet"] {
            let picture = try service.get(place + "?variant=\(variant)")
            #expect(picture.status == 200 && picture.raw.body.starts(with: [0xFF, 0xD8]), "\(variant)")
        }
        let now = try service.post("/v1/videos/sync", json: #"{"prompt": "a dog"\#(Self.fal)}"#)
        #expect(now.status == 200 && now.raw.body.dropFirst(4).starts(with: Array("ftyp".utf8)))
        let other = try #require(now.header("x-video-id"))
        #expect(try service.get("/v1/videos/\(other)")["provider"] == "fal/kling-v3-pro")
        let events = try service.get("/v1/videos/\(id)/events").text
        #expect(events.contains("completed"), "\(events)")
    }

    @Test func `a server of one's own makes clips behind a router, and its orders are in the book`() throws {
        let maker = try TestService()
        let url = "http://127.0.0.1:\(maker.service.port)/v1"
        try configure(#""servers": [{"name": "gpu", "url": "\#(url)"}]"#)
        let service = try service()
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let ordered = try service.post(
            "/v1/videos", json: #"{"prompt": "a cat", "seed": 7}"#, [("traceparent", trace)])
        let done = try service.finished(try #require(ordered["id"], "\(ordered.text)"))
        #expect(done["status"] == "completed" && done["provider"] == "gpu", "\(done.text)")
        let made = try #require(maker.get("/v1/videos").list("data").first)
        #expect(made["seed"]?.text == "7" && done["size"] == made["size"]?.text)
        #expect(done["cost_dollars"] == made["cost_dollars"]?.text && done["quoted_dollars"] != nil, "\(done.text)")
        let orders = try service.get("/v1/router").list("orders")
        #expect(orders.first?["provider"]?.text == "gpu" && orders.first?["orders"]?.text == "1")
        // What is cancelled here is stopped there.
        let id = try service.submit("a slow cat fake:held")
        #expect(try eventually { try maker.jobCount == 2 })
        #expect(try eventually { try service.get("/v1/videos/\(id)")["status"] == "in_progress" })
        #expect(try service.post("/v1/videos/\(id)/cancel", json: "{}").status == 200)
        #expect(
            try eventually {
                try maker.get("/v1/videos").list("data").contains { $0["error"]?["code"]?.text == "cancelled" }
            })
        #expect(try maker.jobCount == 2)
    }

    @Test func `an order that is sent twice under one key is one order at the cloud`() throws {
        let service = try service()
        let order = #"{"prompt": "a cat"\#(Self.fal)}"#
        let ids = try (0..<2).map { _ in
            try service.post("/v1/videos", json: order, [("Idempotency-Key", "one")])["id"]
        }
        #expect(ids[0] != nil && ids[0] == ids[1])
        #expect(try service.finished(try #require(ids[0]))["status"] == "completed")
        #expect(try bed.jobs("fal").count == 1)
    }
}

import Foundation
import StrictJSON
import TestSupport
import TestTools
import Testing

/// Every cloud that there is a fake of, through one configuration: from a shell, and through the service's API.
@Suite(.bounded(minutes: 20), .needs("python3", "ffmpeg")) struct EveryCloudTests {
    private let folder: TemporaryFolder
    private let bed: CloudBed
    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path
    private static let key = "fake-key"

    init() throws {
        folder = try TemporaryFolder()
        bed = try CloudBed(CloudOffer.all.map(\.cloud))
        for offer in CloudOffer.all { try bed.reset(offer.cloud) }
        for (name, text) in [("cloud.key", Self.key), ("router.json", CloudOffer.router(bed))] {
            let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
            _ = FileManager.default.createFile(
                atPath: folder.file(name), contents: Data(text.utf8), attributes: attributes)
        }
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    private func run(_ words: [String]) throws -> Subprocess {
        let result = try Subprocess(Self.program, words, folder: folder.path)
        for text in [result.output, result.errors] { #expect(!text.contains(Self.key), "\(text)") }
        return result
    }

    /// Nothing that was written anywhere holds the key, but the file that it came in.
    private func checkSecrecy() throws {
        let files = try #require(FileManager.default.enumerator(atPath: folder.path))
        for case let name as String in files where name != "cloud.key" {
            guard let bytes = FileManager.default.contents(atPath: folder.file(name)) else { continue }
            #expect(bytes.range(of: Data(Self.key.utf8)) == nil, "\(name)")
        }
    }

    /// The order was placed once, in the cloud's own way.
    private func checkOrder(_ offer: CloudOffer, count: Int = 1) throws {
        #expect(try bed.jobs(offer.cloud).count == count, "\(offer.name)")
        let orders = try offer.orders(bed)
        #expect(orders.count == count, "\(offer.name)")
    }

    @Test func `route has a clip made by each`() throws {
        let listed = try object(try run(["providers", "--config", "router.json", "--json"]).output)
        let names = (listed["providers"] as? [[String: Any]])?.compactMap { $0["provider"] as? String }
        #expect(names == CloudOffer.all.map(\.name))
        var ids: [String: String] = [:]
        for offer in CloudOffer.all {
            let made = try run([
                "route", "a cat at \(offer.cloud)", "--config", "router.json", "--provider", offer.name, "--duration",
                "\(offer.seconds)", "--output", "\(offer.cloud).mp4", "--json",
            ])
            #expect(made.status == 0, "\(offer.name): \(made.errors)")
            let result = try object(made.output)
            #expect(result["provider"] as? String == offer.name && result["file"] as? String == "\(offer.cloud).mp4")
            ids[offer.cloud] = result["id"] as? String
            if offer.cloud == "luma" { #expect(result["cost_dollars"] is NSNull, "nobody told its price") }
            let clip = try Data(contentsOf: URL(filePath: folder.file("\(offer.cloud).mp4")))
            #expect(clip.dropFirst(4).starts(with: Array("ftyp".utf8)), "\(offer.name)")
            try checkOrder(offer)
        }
        // The clip has gone to the name that was asked for, and is gone on from there.
        let words = [
            "route", "it jumps", "--config", "router.json", "--provider", "fal/kling-v3-pro", "--duration", "5",
            "--continues", try #require(ids["fal"]),
        ]
        let told = try run(words + ["--explain"]).output
        #expect(told.contains("it goes on from the former clip's last frame"), "\(told)")
        let next = try run(words + ["--output", "next.mp4"])
        #expect(next.status == 0 && next.output.contains("\nid       request_"), "\(next.output)\(next.errors)")
        #expect(next.output.contains("\ngoes on  from the former clip's last frame; "), "\(next.output)")
        let sent = try bed.log("fal").map(\.text).last { $0.contains(#""method":"POST""#) }
        #expect(sent?.contains(#""start_image_url":"data:image/png"#) == true, "\(sent ?? "nothing")")
        let orders = try object(try run(["providers", "--config", "router.json", "--json"]).output)["orders"]
        #expect((orders as? [[String: Any]])?.count == CloudOffer.all.count)
        try checkSecrecy()
    }

    @Test func `the service has a clip made by each, and says by whom`() throws {
        let errors = folder.file("errors")
        _ = FileManager.default.createFile(atPath: errors, contents: nil)
        let process = Process()
        process.executableURL = URL(filePath: Self.program)
        process.arguments = ["serve", "--router", "router.json", "--port", "0", "--state", "state", "--verbose"]
        process.currentDirectoryURL = URL(filePath: folder.path)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: errors)
        try process.run()
        defer {
            process.terminate()
            process.waitUntilExit()
        }
        var found: UInt16?
        #expect(
            try eventually {
                let text = try String(contentsOfFile: errors, encoding: .utf8)
                found = text.firstMatch(of: /listening on http:\/\/127\.0\.0\.1:(\d+)\n/).flatMap { UInt16($0.1) }
                return found != nil || !process.isRunning
            })
        let port = try #require(found, "the service does not start")
        var ids: [String] = []
        for offer in CloudOffer.all {
            let order = #"{"prompt": "a cat", "seconds": "\#(offer.seconds)", "model": "\#(offer.name)"}"#
            let answer = try ask(port, "POST", "/v1/videos", body: order)
            ids.append(try #require(try object(answer.text)["id"] as? String, "\(offer.name): \(answer.text)"))
        }
        for (offer, id) in zip(CloudOffer.all, ids) {
            let done = try object(try ask(port, "GET", "/v1/videos/\(id)", wish: "wait=60").text)
            #expect(done["status"] as? String == "completed", "\(offer.name): \(done)")
            #expect(done["provider"] as? String == offer.name && done["size"] as? String == "64x36")
            let clip = try ask(port, "GET", "/v1/videos/\(id)/content")
            #expect(clip.status == 200 && clip.body.dropFirst(4).starts(with: Array("ftyp".utf8)), "\(offer.name)")
            try checkOrder(offer)
        }
        let pages = [
            "/metrics", "/v1/router", "/v1/models", "/v1/videos", "/v1/capabilities", "/health", "/ready", "/",
            "/router.html", "/v1/videos/\(ids[0])/events",
        ]
        for page in pages {
            let answer = try ask(port, "GET", page)
            #expect(answer.status == 200 && !answer.text.contains(Self.key), "\(page)")
        }
        try checkSecrecy()
    }

    private func ask(
        _ port: UInt16, _ method: String, _ path: String, wish: String? = nil, body: String = ""
    ) throws -> RawClient.Answer {
        let client = try RawClient(port: port)
        var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if let wish { head += "Prefer: \(wish)\r\n" }
        if !body.isEmpty { head += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n" }
        client.send(head + "\r\n" + body)
        return try #require(client.answer(seconds: 90), "no answer to \(method) \(path)")
    }
}

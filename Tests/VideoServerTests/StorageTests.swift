import Foundation
import TestSupport
import TestTools
import Testing
import VideoServer

/// What the service does when its folder and its files are not what they were.
@Suite(.bounded) struct StorageTests {
    private let service: TestService

    init() throws { service = try TestService() }

    private var state: String { service.folder.file("state") }

    private func clip(_ id: String) -> String { state + "/outputs/\(id).mp4" }

    private func finished(_ prompt: String = "x") throws -> String {
        let id = try service.submit(prompt)
        #expect(try service.finished(id)["status"] == "completed")
        return id
    }

    /// Changes that somebody makes to a finished clip.
    enum Harm: CaseIterable {
        case removed, emptied, overwritten, replaced, linked, piped, folder

        func happen(to path: String) throws {
            let files = FileManager.default
            switch self {
            case .removed: try files.removeItem(atPath: path)
            case .emptied: try Data().write(to: URL(fileURLWithPath: path))
            case .overwritten:
                let file = try #require(FileHandle(forUpdatingAtPath: path))
                try file.seek(toOffset: 100)
                try file.write(contentsOf: Data("XXXXXXXX".utf8))
            case .replaced:
                let count = try Data(contentsOf: URL(fileURLWithPath: path)).count
                try files.removeItem(atPath: path)
                try Data(count: count).write(to: URL(fileURLWithPath: path))
            case .linked:
                try files.removeItem(atPath: path)
                try files.createSymbolicLink(atPath: path, withDestinationPath: "/etc/passwd")
            case .piped:
                try files.removeItem(atPath: path)
                #expect(unsafe mkfifo(path, 0o600) == 0)
            case .folder:
                try files.removeItem(atPath: path)
                try files.createDirectory(atPath: path, withIntermediateDirectories: false)
            }
        }
    }

    @Test(arguments: Harm.allCases, [true, false])
    func `a clip that is no longer what was made is gone, and its job says so`(_ harm: Harm, wasRead: Bool) throws {
        let id = try finished()
        if wasRead { #expect(try service.get("/v1/videos/\(id)/content").status == 200) }
        try harm.happen(to: clip(id))
        for path in ["/content", "/content?variant=thumbnail", "/content"] {
            let answer = try service.get("/v1/videos/\(id)\(path)")
            #expect(answer.status == 410 && answer["error", "code"] == "output_lost", "\(answer.text)")
        }
        let job = try service.get("/v1/videos/\(id)")
        #expect(job["status"] == "failed" && job["error", "code"] == "output_lost", "\(job.text)")
        #expect(try service.get("/v1/videos").list("data").first?["error"]?["code"]?.text == "output_lost")
        // What lies there instead is kept for somebody to look at.
        let kept = try FileManager.default.contentsOfDirectory(atPath: state + "/quarantine")
        #expect(kept.count == (harm == .removed ? 0 : 1))
    }

    @Test func `a job says that its clip is lost before anybody asks for the clip`() throws {
        let ids = try [finished("a"), finished("b"), finished("c")]
        #expect(try service.get("/v1/videos/\(ids[2])/content").status == 200)
        try Harm.removed.happen(to: clip(ids[0]))
        try Harm.emptied.happen(to: clip(ids[1]))
        try Harm.overwritten.happen(to: clip(ids[2]))
        for id in ids { #expect(try service.get("/v1/videos/\(id)")["error", "code"] == "output_lost") }
    }

    @Test func `a clip that was only touched or linked is served`() throws {
        let id = try finished()
        let bytes = try service.get("/v1/videos/\(id)/content").raw.body
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 0)], ofItemAtPath: clip(id))
        try FileManager.default.linkItem(atPath: clip(id), toPath: service.folder.file("copy.mp4"))
        #expect(try service.get("/v1/videos/\(id)")["status"] == "completed")
        #expect(try service.get("/v1/videos/\(id)/content").raw.body == bytes)
    }

    @Test func `a clip whose time is over is not served, and its job says so`() throws {
        let id = try service.submit("x", ", \"expires_after\": 60")
        let done = try service.finished(id)
        #expect(done["expired"] == "false" && done["error"] == nil)
        try Self.change(state, "update job set expires_at = 1")
        let job = try service.get("/v1/videos/\(id)")
        #expect(job["status"] == "completed" && job["expired"] == "true", "\(job.text)")
        #expect(job["error", "code"] == "video_expired")
        let content = try service.get("/v1/videos/\(id)/content")
        #expect(content.status == 410 && content["error", "code"] == "video_expired")
    }

    // MARK: The folder

    @Test func `a state folder that is moved away takes no orders until it is back`() throws {
        let id = try finished()
        let waiting = try service.submit("x fake:step=0.2")
        try FileManager.default.moveItem(atPath: state, toPath: state + ".moved")
        expectUnavailable()
        #expect(try service.get("/v1/videos/\(id)/content").status == 200)
        try FileManager.default.moveItem(atPath: state + ".moved", toPath: state)
        #expect(try service.get("/ready").status == 200)
        #expect(try service.get("/v1/capabilities")["is_ready"] == "true")
        #expect(try service.finished(waiting)["status"] == "completed")
        _ = try finished("after")
    }

    @Test(arguments: [true, false])
    func `a journal that is removed or replaced takes no orders`(isReplaced: Bool) throws {
        for name in ["jobs.db", "jobs.db-wal", "jobs.db-shm"] {
            try? FileManager.default.removeItem(atPath: state + "/" + name)
        }
        if isReplaced { try Data("other".utf8).write(to: URL(fileURLWithPath: state + "/jobs.db")) }
        expectUnavailable()
    }

    @Test func `a lock that is removed takes no orders, for another service could come`() throws {
        try FileManager.default.removeItem(atPath: state + "/lock")
        expectUnavailable()
    }

    @Test(
        .enabled(if: ImmutableFile.isPossible, "only root can make a folder immutable"),
        arguments: ["outputs", "parts"])
    func `a folder that cannot be written keeps orders waiting`(name: String) throws {
        let running = try service.submit("x fake:step=0.3", ", \"num_inference_steps\": 4")
        let waiting = try service.submit("y")
        #expect(ImmutableFile.set(state + "/" + name, true))
        defer { ImmutableFile.set(state + "/" + name, false) }
        expectUnavailable()
        #expect(eventually { service.log.contains { $0.contains("Operation not permitted") } }, "\(service.log)")
        // Long enough for three attempts at the clip.
        usleep(2_000_000)
        for id in [running, waiting] { #expect(try service.get("/v1/videos/\(id)")["status"] != "failed") }
        ImmutableFile.set(state + "/" + name, false)
        #expect(try service.get("/ready").status == 200)
        let end = try service.finished(running)
        #expect(end["status"] == "completed" && end["error", "code"] == nil, "\(end.text)")
        // Stored again, not made again.
        if name == "outputs" { #expect(end["attempt"] == "1") }
        #expect(try service.finished(waiting)["status"] == "completed")
        #expect(!service.log.contains { $0.contains("worker_crashed") || $0.contains("died") })
    }

    @Test(.needsSmallDisk)
    func `a disk on which no clip has room is told by everybody`() throws {
        let disk = try SmallDisk(kibibytes: 64 << 10)
        let small = try TestService(in: disk.folder)
        #expect(try small.post("/v1/videos", json: #"{"prompt": "x"}"#)["error", "code"] == "disk_full")
        let ready = try small.get("/ready")
        #expect(ready.status == 503 && ready.text.contains("no room on the disk"), "\(ready.text)")
        #expect(try small.get("/v1/capabilities")["is_ready"] == "false")
        #expect(try small.get("/health").status == 200)
    }

    @Test func `a full queue is no reason to call the service unready`() throws {
        let busy = try TestService { $0.maxQueued = 1 }
        let running = try busy.submit("x fake:held")
        // Its place in the queue is free once it runs: an order that comes before would be refused.
        #expect(try eventually { try busy.get("/v1/videos/\(running)")["status"] != "queued" })
        for _ in 0..<2 { _ = try busy.post("/v1/videos", json: #"{"prompt": "y"}"#) }
        #expect(try busy.get("/ready").status == 200)
        let facts = try busy.get("/v1/capabilities")
        #expect(facts["is_ready"] == "true" && facts["clip", "would_be_accepted"] == "false", "\(facts.text)")
    }

    /// What readiness, capabilities and an order say, which must be one thing.
    private func expectUnavailable() {
        do {
            let ready = try service.get("/ready")
            #expect(ready.status == 503 && ready.list("reasons").first?.text?.isEmpty == false, "\(ready.text)")
            let facts = try service.get("/v1/capabilities")
            // A journal that is gone cannot even say how long the queue is.
            let isRefused = facts.status == 503 && facts["error", "code"] == "storage_unavailable"
            let isToldSo = facts["is_ready"] == "false" && facts["clip", "would_be_accepted"] == "false"
            #expect(isRefused || isToldSo, "\(facts.text)")
            let order = try service.post("/v1/videos", json: #"{"prompt": "z"}"#)
            #expect(order.status == 503 && order["error", "code"] == "storage_unavailable", "\(order.text)")
            #expect(order.header("Retry-After") != nil)
        } catch {
            Issue.record(error)
        }
    }

    // MARK: The log

    @Test func `a failure of our own leaves a line with the request's id and the cause`() throws {
        let id = try finished()
        // Not the clip's fault: the folder beside it, where a lost clip would be put.
        try Harm.emptied.happen(to: clip(id))
        try FileManager.default.removeItem(atPath: state + "/quarantine")
        let answer = try service.get("/v1/videos/\(id)/content")
        #expect(answer.status == 503 && answer["error", "code"] == "storage_unavailable", "\(answer.text)")
        let request = try #require(answer.header("x-request-id"))
        let line = try #require(service.log.first { $0.contains(request) }, "\(service.log)")
        #expect(line.contains("\"cause\"") && line.contains("No such file") && line.contains("\"status\": 503"))
    }

    @Test func `a true 500 leaves a line with the request's id and the cause`() throws {
        let id = try finished()
        // A journal that somebody else damages while the service is at work.
        try Self.change(state, "alter table job rename to gone")
        let answer = try service.get("/v1/videos/\(id)")
        #expect(answer.status == 500 && answer["error", "code"] == "internal_error", "\(answer.text)")
        #expect(!answer.text.contains("table") && !answer.text.contains(state))
        let request = try #require(answer.header("x-request-id"))
        let line = try #require(service.log.first { $0.contains(request) }, "\(service.log)")
        #expect(line.contains(#""event": "failure""#) && line.contains(#""status": 500"#), "\(line)")
        #expect(line.contains("no such table"), "\(line)")
        try Self.change(state, "alter table gone rename to job")
        #expect(try service.get("/v1/videos/\(id)").status == 200)
    }

    /// Does to the journal what no service does.
    static func change(_ state: String, _ sql: String) throws {
        let python = try #require(Subprocess.find("python3"))
        let script =
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30); c.execute(sys.argv[2]); c.commit()"
        let change = try Subprocess(python, ["-c", script, state + "/jobs.db", sql])
        #expect(change.status == 0, "\(change.errors)")
    }

    @Test func `a thumbnail that races with a delete is there or gone, never a failure`() async throws {
        for round in 0..<20 {
            let id = try finished("\(round)")
            async let picture = service.get("/v1/videos/\(id)/content?variant=thumbnail").status
            usleep(UInt32(round) * 300)
            #expect(try service.ask("DELETE", "/v1/videos/\(id)").status == 200)
            let status = try await picture
            #expect([200, 404, 410].contains(status), "\(status)")
        }
        #expect(!service.log.contains { $0.contains("\"failure\"") })
    }
}

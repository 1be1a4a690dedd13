import Foundation
import TestSupport
import TestTools
import Testing
import VideoServer

@testable import fake_service

/// Restarts, and how the service ends.
@Suite(.bounded) struct LifeTests {
    @Test func `a restart keeps the jobs, their keys of idempotency and the events`() throws {
        let folder = try TemporaryFolder()
        let order = #"{"prompt": "x fake:held"}"#
        var ids: [String] = []
        var events = ""
        do {
            let service = try TestService(in: folder) { $0.drainSeconds = 0 }
            ids.append(try service.submit("done"))
            _ = try service.finished(ids[0])
            events = try service.get("/v1/videos/\(ids[0])/events").text
            let running = try service.post("/v1/videos", json: order, [("Idempotency-Key", "k")])
            ids.append(try #require(running["id"]))
            ids.append(try service.submit("waits"))
            service.letPass(6)
            #expect(try eventually { try service.get("/v1/videos/\(ids[1])").step >= 6 })
            service.service.drain()
        }
        let service = try TestService(in: folder)
        #expect(try service.get("/v1/videos?order=asc").list("data").compactMap { $0["id"]?.text } == ids)
        #expect(try service.get("/v1/videos/\(ids[0])/events").text == events)
        let again = try service.post("/v1/videos", json: order, [("Idempotency-Key", "k")])
        #expect(again["id"] == ids[1])
        // It begins where the checkpoint is, not at nothing.
        let progress = again["progress"].flatMap { Int($0) } ?? 0
        #expect(progress > 20, "\(progress)")
        service.letPass(.max)
        for id in ids {
            let end = try service.finished(id)
            #expect(end["status"] == "completed", "\(end.text)")
        }
    }

    @Test func `a service that ends lets the running clip be finished and takes no more`() throws {
        let process = try ServiceProcess()
        let running = try process.submit("x fake:held")
        let waiting = try process.submit("y")
        #expect(try eventually { try process.get("/v1/videos/\(running)")["status"] == "in_progress" })
        process.send(SIGTERM)
        #expect(try eventually { try process.get("/ready").status == 503 })
        let refused = try process.post("/v1/videos", json: #"{"prompt": "z"}"#)
        #expect(refused.status == 503 && refused["error", "code"] == "shutting_down")
        #expect(refused.header("Retry-After") != nil)
        #expect(try process.get("/health").status == 200)
        process.letPass(.max)
        #expect(process.wait() == 0)

        let next = try ServiceProcess(in: process.folder)
        let done = try next.get("/v1/videos/\(running)")
        #expect(done["status"] == "completed" && done["attempt"] == "1")
        #expect(try next.finished(waiting)["status"] == "completed")
        next.send(SIGINT)
        #expect(next.wait() == 0)
        for text in [process.errors, next.errors] { #expect(!text.contains("ThreadSanitizer"), "\(text)") }
    }

    @Test func `a hangup reads the keys again and ends nothing, and an idle end finishes no job`() throws {
        let process = try ServiceProcess()
        let id = try process.submit("x fake:held")
        for count in 1...3 {
            process.send(SIGHUP)
            #expect(eventually { process.errors.components(separatedBy: "were read again").count > count })
        }
        process.letPass(.max)
        let done = try process.finished(id)
        #expect(done["status"] == "completed" && done["attempt"] == "1", "\(done.text)")
        process.send(SIGTERM)
        #expect(process.wait() == 0)
        let idle = try ServiceProcess()
        idle.send(SIGTERM)
        #expect(idle.wait() == 0)
        #expect(idle.errors.contains("wan-infer: ending") && !idle.errors.contains("finishing the running job"))
    }

    @Test func `a second signal ends it now, and the clip is made after the next start`() throws {
        let process = try ServiceProcess("drain=600")
        let id = try process.submit("x fake:step=0.3 fake:hang@2 fake:once")
        #expect(try eventually { try process.get("/v1/videos/\(id)").step >= 1 })
        process.send(SIGTERM)
        #expect(try eventually { try process.get("/ready").status == 503 })
        // The clip would not come to its end.
        process.send(SIGTERM)
        #expect(process.wait() == 0)
        let next = try ServiceProcess(in: process.folder)
        #expect(try next.finished(id)["status"] == "completed")
        next.send(SIGTERM)
        #expect(next.wait() == 0)
    }

    @Test func `few open files are enough for a worker`() throws {
        let process = try ServiceProcess(openFiles: 60, "verbose=true")
        #expect(eventually { process.errors.contains("the worker is ready") }, "\(process.errors)")
        process.send(SIGTERM)
        #expect(process.wait() == 0)
        #expect(!process.errors.contains("cannot be started"))
    }

    @Test func `two services do not share a folder, nor a port`() throws {
        let first = try TestService()
        #expect(throws: (any Error).self) { try TestService(in: first.folder) }
        #expect(throws: (any Error).self) { try TestService { $0.port = first.service.port } }
        #expect(try first.get("/health").status == 200)
    }
}

/// The service as a process of its own.
final class ServiceProcess: Sendable {
    let folder: TemporaryFolder
    private let process: Process
    private let errorsPath: String
    private let port: UInt16

    /// - Parameter openFiles: how many it may have.
    init(in folder: TemporaryFolder? = nil, openFiles: Int? = nil, _ words: String...) throws {
        let folder = try folder ?? TemporaryFolder()
        self.folder = folder
        errorsPath = folder.file("errors-\(UInt32.random(in: 0...UInt32.max))")
        _ = FileManager.default.createFile(atPath: errorsPath, contents: nil)
        let process = Process()
        self.process = process
        let errorsPath = errorsPath
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let limit = openFiles.map { "ulimit -n \($0); " } ?? ""
        process.arguments =
            ["-c", limit + "exec \"$0\" \"$@\"", TestService.program, "serve", "state=\(folder.file("state"))"] + words
        process.standardError = FileHandle(forWritingAtPath: errorsPath)
        try process.run()
        var found: UInt16?
        _ = try eventually {
            let text = try String(contentsOfFile: errorsPath, encoding: .utf8)
            found = text.firstMatch(of: /listening on http:\/\/127\.0\.0\.1:(\d+)\n/).flatMap { UInt16($0.1) }
            return found != nil || !process.isRunning
        }
        port = try #require(found, "the service does not start")
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Its exit status; nil where it does not end.
    func wait() -> Int32? {
        eventually { !process.isRunning } ? process.terminationStatus : nil
    }

    var errors: String { (try? String(contentsOfFile: errorsPath, encoding: .utf8)) ?? "" }

    func get(_ path: String, _ headers: [(String, String)] = []) throws -> Answer {
        try TestService.ask(port, "GET", path, headers)
    }

    func post(_ path: String, json: String) throws -> Answer {
        try TestService.ask(port, "POST", path, [("Content-Type", "application/json")], body: Array(json.utf8))
    }

    /// As `TestService` does.
    func letPass(_ steps: Int) { FakeLeave.give(steps, in: folder.file("state")) }

    func finished(_ id: String) throws -> Answer { try TestService.finished(id) { try get($0, $1) } }

    func submit(_ prompt: String) throws -> String {
        let answer = try post("/v1/videos", json: "{\"prompt\": \"\(prompt)\"}")
        return try #require(answer["id"], "\(answer.text)")
    }
}

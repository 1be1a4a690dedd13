import Foundation
import StrictJSON
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoServer
import VideoTypes

@testable import fake_service

/// The whole service in this process, with workers that pretend.
final class TestService: Sendable {
    let service: Service
    let folder: TemporaryFolder
    /// Sent with every request.
    let key: String?

    private let lines = LogLines()

    /// The program lies beside the test bundle that is running.
    static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("fake-service").path

    init(
        in folder: TemporaryFolder? = nil, key: String? = nil,
        _ change: (inout ServiceOptions) throws -> Void = { _ in }
    ) throws {
        self.folder = try folder ?? TemporaryFolder()
        self.key = key
        var options = ServiceOptions(
            stateFolder: self.folder.file("state"), workerCommand: [Self.program, "worker"])
        options.port = 0
        options.drainSeconds = 20
        try change(&options)
        service = try Service(options) { [lines] line in lines.lines.withLock { $0.append(line) } }
    }

    deinit { service.stop() }

    /// The log.
    var log: [String] { lines.lines.withLock { $0 } }

    /// A file that only its owner may read.
    func secret(_ name: String, _ text: String) throws -> String { try Self.secret(name, text, in: folder) }

    static func secret(_ name: String, _ text: String, in folder: TemporaryFolder) throws -> String {
        let path = folder.file(name)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        return path
    }
}

extension TestService {
    func ask(
        _ method: String, _ path: String, _ headers: [(String, String)] = [], body: [UInt8] = [], key: String? = nil
    ) throws -> Answer {
        let key = (key ?? self.key).map { [("Authorization", "Bearer \($0)")] } ?? []
        return try Self.ask(service.port, method, path, key + headers, body: body)
    }

    /// One request on a connection of its own.
    static func ask(
        _ port: UInt16, _ method: String, _ path: String, _ headers: [(String, String)], body: [UInt8] = []
    ) throws -> Answer {
        let client = try RawClient(port: port)
        var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if !body.isEmpty || method == "POST" { head += "Content-Length: \(body.count)\r\n" }
        client.send(Array((head + "\r\n").utf8) + body)
        let answer = try #require(
            client.answer(toHead: method == "HEAD", seconds: 90), "no answer to \(method) \(path)")
        return Answer(raw: answer)
    }

    func get(_ path: String, _ headers: [(String, String)] = []) throws -> Answer { try ask("GET", path, headers) }

    func post(_ path: String, json: String, _ headers: [(String, String)] = []) throws -> Answer {
        try ask("POST", path, headers + [("Content-Type", "application/json")], body: Array(json.utf8))
    }

    func post(_ path: String, form: [(String, String)], _ headers: [(String, String)] = []) throws -> Answer {
        let form = Form(form)
        return try ask("POST", path, headers + [("Content-Type", form.type)], body: form.body)
    }

    /// Lets `fake:held` clips make so many steps in all.
    func letPass(_ steps: Int) { FakeLeave.give(steps, in: folder.file("state")) }

    /// Submits a clip and gives its id.
    func submit(_ prompt: String, _ more: String = "") throws -> String {
        let answer = try post("/v1/videos", json: "{\"prompt\": \"\(prompt)\"\(more)}")
        return try #require(answer["id"], "\(answer.text)")
    }

    /// The job once it is finished.
    func finished(_ id: String) throws -> Answer { try Self.finished(id) { try get($0, $1) } }

    static func finished(_ id: String, _ get: (String, [(String, String)]) throws -> Answer) throws -> Answer {
        for _ in 0..<60 {
            let answer = try get("/v1/videos/\(id)", [("Prefer", "wait=10")])
            if answer["status"] == "completed" || answer["status"] == "failed" { return answer }
        }
        Issue.record("the job \(id) does not end")
        return try get("/v1/videos/\(id)", [])
    }

    /// How many jobs the service knows.
    var jobCount: Int {
        get throws { try get("/v1/videos?limit=100").list("data").count }
    }
}

/// Lines as they come from any thread.
final class LogLines: Sendable {
    let lines = Mutex<[String]>([])
}

/// An answer with its JSON.
struct Answer {
    let raw: RawClient.Answer

    var status: Int { raw.status }
    var text: String { raw.text }
    var json: JSONValue? { try? JSONValue(raw.body) }

    func header(_ name: String) -> String? { raw[name] }

    /// A text, number or truth value along a path of keys, as text; nil for null and what is not there.
    subscript(_ path: String...) -> String? {
        var value = json
        for name in path { value = value?[name] }
        return value?.text
    }

    /// The step that a clip is at; 0 before the first.
    var step: Int { self["step"].flatMap { Int($0) } ?? 0 }

    func list(_ name: String) -> [JSONValue] {
        if case .array(let values)? = json?[name] { values } else { [] }
    }
}

extension JSONValue {
    subscript(_ name: String) -> JSONValue? {
        if case .object(let members) = self { members[Array(name.utf8)] } else { nil }
    }

    var text: String? {
        switch self {
        case .string(let text), .number(let text): text
        case .bool(let value): "\(value)"
        default: nil
        }
    }
}

/// A form as the `openai` client writes it.
struct Form {
    let type: String
    let body: [UInt8]

    init(_ fields: [(String, String)], files: [(name: String, fileName: String, type: String, bytes: [UInt8])] = []) {
        let boundary = "boundary\(UInt64.random(in: 0...UInt64.max))"
        type = "multipart/form-data; boundary=\(boundary)"
        var body: [UInt8] = []
        for (name, value) in fields {
            body += Array("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n".utf8)
        }
        for file in files {
            let head = "Content-Disposition: form-data; name=\"\(file.name)\"; filename=\"\(file.fileName)\""
            body += Array("--\(boundary)\r\n\(head)\r\nContent-Type: \(file.type)\r\n\r\n".utf8) + file.bytes
            body += Array("\r\n".utf8)
        }
        self.body = body + Array("--\(boundary)--\r\n".utf8)
    }
}

import Foundation
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoServer

/// The page for people: as it is served, and used in a browser.
@Suite(.bounded, .serialized) struct StartPageTests {
    static let chromium = Subprocess.find("chromium") ?? Subprocess.find("chromium-browser")
    static let python = Subprocess.find("python3")

    @Test func `the page is served to everybody and keeps to itself`() throws {
        let service = try TestService(key: "k-0123456789abcdef") { options in
            options.keyFile = nil
        }
        for (path, type) in [
            ("/", "text/html; charset=utf-8"), ("/start.css", "text/css; charset=utf-8"),
            ("/start.js", "text/javascript; charset=utf-8"), ("/clips.js", "text/javascript; charset=utf-8"),
            ("/server.js", "text/javascript; charset=utf-8"),
        ] {
            let answer = try service.get(path)
            #expect(answer.status == 200 && answer.header("content-type") == type)
            let policy = try #require(answer.header("content-security-policy"))
            #expect(policy.hasPrefix("default-src 'none'; ") && !policy.contains("unsafe") && !policy.contains("http"))
            #expect(answer.header("x-content-type-options") == "nosniff")
            #expect(answer.header("referrer-policy") == "no-referrer")
            // Beside the page, wherever a proxy has put it.
            #expect(answer.text.firstMatch(of: #/(src|href)="\/|["'`]\/v1\//#) == nil, "\(path)")
            // Nothing from elsewhere, nothing that the policy would refuse.
            #expect(answer.text.count > 1000 && !answer.text.contains("https://"))
            #expect(
                !answer.text.contains("innerHTML") && !answer.text.contains("style=")
                    && !answer.text.contains("onclick"))
        }
        #expect(try service.get("/start.txt").status == 404)
        #expect(try service.get("/start.css/x").status == 404)
        #expect(try service.post("/start.js", json: "{}").status == 405)
    }

    @Test(.needs("python3"), .needs("chromium") { chromium != nil }, arguments: [false, true])
    func `a person makes, watches, cancels and deletes clips`(_ hasKey: Bool) throws {
        let key = "wk-0123456789abcdef0123456789abcdef"
        let secrets = try TemporaryFolder()
        let keys = try TestService.secret("keys", "me \(key)\n", in: secrets)
        let service = try TestService { if hasKey { $0.keyFile = keys } }
        let kept = ProcessInfo.processInfo.environment["WAN_SCREENSHOTS"]
        let pictures = try TemporaryFolder()
        let script = SourcePath.beside("Browser/start_page.py")
        let run = try Subprocess(
            #require(Self.python),
            [
                script, #require(Self.chromium), service.service.url + "/", kept ?? pictures.path,
                service.folder.file("state"),
            ] + (hasKey ? [key] : []))
        try #require(run.status == 0, "\(run.errors)")
        let found = Findings(try JSONValue(Array(run.output.utf8)))
        #expect(found["model"] == "\"built-in\"" && found["labels"] == "true")
        // Typing can begin at once.
        #expect(hasKey || found["focus"] == "\"prompt\"")
        #expect(!hasKey || found["asks_for_key"].contains("API key"))
        #expect(found["refusal"].contains("multiple") && found["refused_field"] == "\"size\"")
        #expect(found["refusal_later"] == found["refusal"])
        #expect(found["working"].contains("Working: "))
        let progress = found.numbers("progress")
        #expect(progress.count > 3 && progress == progress.sorted() && (progress.first ?? 100) < 50)
        #expect((Double(found["ready_state"]) ?? 0) >= 3 && (Double(found["duration"]) ?? 0) > 1)
        #expect((Double(found["colours"]) ?? 0) > 7, "the clip is blank")
        #expect((Double(found["thumbnail"]) ?? 0) > 0, "the list shows no thumbnail")
        #expect(found["state"] == "\"Finished\"" && found["prompt"].contains("<b>rolls</b>"))
        #expect(found["injected"] == "0" && found["cancelled"] == "true")
        #expect(found["failure"].contains("memory") && found["download"].contains("ftyp"))
        #expect(found["left"] == "2" && found["addresses"] == "[]" && found["stored"] == "[0, 0]")
        #expect((Double(found["overflow"]) ?? 1) <= 0, "the page is wider than a phone")
        // The refusal that was provoked, and nothing else.
        #expect(
            found.strings("log").allSatisfy { $0.contains("400") || (hasKey && $0.contains("401")) }, "\(run.output)")
        for name in kept == nil ? ["empty", "working", "done", "dark", "phone"] : [] {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: pictures.file(name + ".png"))).count
            #expect(bytes > 15_000, "\(name).png has \(bytes) bytes")
        }
    }
}

extension StartPageTests {
    @Test(.needs("python3"), .needs("chromium") { chromium != nil })
    func `the page does what its buttons say, below a path of a proxy`() throws {
        let key = "wk-0123456789abcdef0123456789abcdef"
        let secrets = try TemporaryFolder()
        let keys = try TestService.secret("keys", "me \(key)\n", in: secrets)
        let service = try TestService(key: key) { $0.keyFile = keys }
        // Many within one second.
        for number in 0..<45 { _ = try service.submit("clip \(number)", ", \"num_frames\": 1, \"size\": \"32x32\"") }
        for id in try service.get("/v1/videos?limit=100").list("data").compactMap({ $0["id"]?.text }) {
            _ = try service.finished(id)
        }
        let kept = ProcessInfo.processInfo.environment["WAN_SCREENSHOTS"]
        let pictures = try TemporaryFolder()
        let run = try Subprocess(
            #require(Self.python),
            [
                SourcePath.beside("Browser/page_truths.py"), #require(Self.chromium), service.service.url + "/",
                kept ?? pictures.path, key,
            ])
        try #require(run.status == 0, "\(run.errors)")
        let found = Findings(try JSONValue(Array(run.output.utf8)))
        #expect(found["no_key"].contains("wants an API key") && found["wrong_key"].contains("does not know this"))
        #expect(found["line_of_the_file"].contains("second word") && found["foreign_letters"].contains("letters"))
        #expect(found["no_server"].contains("cannot be reached"))
        #expect(found["newest_on_stage"] == "true" && found["example"] == "true")
        #expect(found["seed_shown"].contains("seed 9007199254740993"))
        #expect(found["settings"] == "[{}, {}]", "\(run.output)")
        #expect(found["all_listed"] == "true" && found["gone"].contains("deleted"))
        #expect(found["deleted_twice"] == "true" && found["outside"] == "0" && found["exceptions"] == "[]")
        let text = run.output
        for width in [320, 390, 1100, 2560] {
            #expect(text.contains("\"\(width)\": 0"), "the page is wider than \(width)")
            #expect(text.contains("\"\(width)\": []"), "too small for a finger at \(width): \(text)")
            #expect(text.contains("\"\(width)\": 1,") || text.contains("\"\(width)\": 1}"), "\(text)")
        }
    }
}

/// Where the files beside the tests lie.
enum SourcePath {
    static func beside(_ name: String, _ file: String = #filePath) -> String {
        "/" + file.split(separator: "/").dropLast().joined(separator: "/") + "/" + name
    }
}

/// What the browser found, member by member as text.
private struct Findings {
    private let members: [[UInt8]: JSONValue]

    init(_ value: JSONValue) {
        members = if case .object(let members) = value { members } else { [:] }
    }

    subscript(_ name: String) -> String { members[Array(name.utf8)].map(Self.text) ?? "nothing" }

    func numbers(_ name: String) -> [Double] {
        guard case .array(let elements)? = members[Array(name.utf8)] else { return [] }
        return elements.compactMap { if case .number(let text) = $0 { Double(text) } else { nil } }
    }

    func strings(_ name: String) -> [String] {
        guard case .array(let elements)? = members[Array(name.utf8)] else { return ["nothing"] }
        return elements.map(Self.text)
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .number(let text): text
        case .string(let text): "\"\(text)\""
        case .array(let elements): "[" + elements.map(text).joined(separator: ", ") + "]"
        case .object(let members): "{" + (members.isEmpty ? "" : "…") + "}"
        }
    }
}

import Foundation
import ModelHub
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import wan_infer

/// The built program and a hub: from a name to a clip.
@Suite(.bounded) struct PullCommandTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path
    private static let model = "wan2.1-t2v-1.3b"
    private static let small = Fixture.model("wan21-t2v")
    private static let clip = [
        "a cat", "--steps", "1", "--frames", "5", "--size", "64x64", "--device", "cpu", "--output", "a.mp4",
    ]

    private func environment(_ hub: FakeHub?) -> [String: String] {
        [
            "HOME": folder.path, "HF_ENDPOINT": hub?.hub.url ?? "http://127.0.0.1:9", "WAN_INFER_MODELS": "",
            "HF_HOME": "",
            "HF_TOKEN": "", "HF_HUB_CACHE": "", "XDG_DATA_HOME": "", "XDG_CACHE_HOME": "", "HF_TOKEN_PATH": "",
        ]
    }

    private func run(_ hub: FakeHub?, _ words: [String]) throws -> Subprocess {
        try Subprocess(Self.path, words, folder: folder.path, environment: environment(hub))
    }

    private var place: String { "\(folder.path)/.local/share/wan-infer/models/\(Self.model)" }

    @Test func `a model is pulled by its name, listed, checked, pinned, used and removed`() throws {
        let hub = try FakeHub(Self.small, others: ["README.md": [1], "vae/diffusion_pytorch_model.bin": [2]])
        let absent = try run(hub, ["--model", Self.model] + Self.clip)
        #expect(absent.status == VideoError.Code.modelNotFound.exitStatus)
        #expect(absent.errors.contains("hint: wan-infer models pull \(Self.model) fetches it"), "\(absent.errors)")
        let pull = try run(hub, ["models", "pull", Self.model])
        #expect(
            pull.status == 0 && pull.output.hasPrefix("pulled   \(Self.model)  13 files, "),
            "\(pull.errors)\(pull.output)")
        #expect(
            pull.output.contains("folder   \(place)\n") && !FileManager.default.fileExists(atPath: place + "/README.md")
        )
        let list = try run(nil, ["models"])
        #expect(list.output.contains(" in \(place)\n"), "\(list.output)")
        let json = try run(nil, ["models", "list", "--json"])
        let models = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]]
        let here = models?.first { $0["model"] as? String == Self.model }?["here"] as? [String: Any]
        #expect(here?["state"] as? String == "pulled" && here?["folder"] as? String == place)
        #expect(try run(nil, ["models", "verify", Self.model]).output.hasPrefix("sound    "))
        #expect(try run(nil, ["models", "pin", Self.model]).output.contains("to \(FakeHub.commit), 13 files"))
        // The hub is not asked any more.
        let made = try run(nil, ["--model", Self.model, "--pull"] + Self.clip)
        #expect(made.status == 0, "\(made.errors)")
        #expect(FileManager.default.fileExists(atPath: folder.file("a.mp4")))
        let removed = try run(nil, ["models", "rm", Self.model])
        #expect(removed.status == 0 && !FileManager.default.fileExists(atPath: place), "\(removed.errors)")
        #expect(try run(nil, ["models", "verify", Self.model]).status == VideoError.Code.modelNotFound.exitStatus)
    }

    @Test func `a clip fetches its model where it is asked to, after all other words`() throws {
        let hub = try FakeHub(Self.small)
        let wrong = try run(hub, ["--model", Self.model, "--pull", "--steps", "0"] + Self.clip.dropFirst(3))
        #expect(wrong.status == 2 && hub.hub.requests.isEmpty, "\(wrong.errors)")
        let made = try run(hub, ["--model", Self.model, "--pull"] + Self.clip)
        #expect(made.status == 0 && made.errors.contains("asking the hub"), "\(made.errors)")
        #expect(FileManager.default.fileExists(atPath: folder.file("a.mp4")))
        for words in [["--pull"], ["--pull", "--model", "no/such"], ["--pull", "--model", "built-in"]] {
            let refused = try run(hub, words + Self.clip)
            #expect(refused.status == 2 && refused.errors.contains("--pull needs a model that can be fetched"))
        }
    }

    @Test func `a service fetches its model where it is asked to, after all other words`() throws {
        let hub = try FakeHub(Self.small)
        let words = ["--model", Self.model, "--state", folder.file("state"), "--device", "cpu"]
        let absent = try run(hub, ["serve"] + words + ["--port", "0"])
        #expect(absent.status == VideoError.Code.modelNotFound.exitStatus && hub.hub.requests.isEmpty)
        let wrong = try run(hub, ["serve"] + words + ["--pull", "--port", "70000"])
        #expect(wrong.status == 2 && hub.hub.requests.isEmpty, "\(wrong.errors)")
        func served() throws -> String {
            try ServedProgram.errors(
                words + ["--port", "0", "--pull"], folder: folder.path, environment: environment(hub))
        }
        let made = try served()
        #expect(made.contains("asking the hub") && made.contains("listening on"), "\(made)")
        let asked = hub.hub.requests.count
        // Only what is not there is fetched.
        #expect(try run(nil, ["models", "verify", Self.model]).status == 0)
        let warm = try served()
        #expect(warm.contains("listening on") && hub.hub.requests.count == asked, "\(warm)")
    }

    @Test func `a pull that was killed goes on, and says what is there meanwhile`() throws {
        let hub = try FakeHub(
            Self.small,
            atStore: { request, bytes, number in
                guard number > 1, number < 8 else { return nil }
                var reply = FakeHub.reply(bytes, request)
                reply.pause = 30
                return reply
            })
        let process = try start(hub)
        let shelf = ModelShelf(try HubSettings(environment(hub)))
        #expect(
            eventually {
                let files = (try? shelf.pulled(Self.model))?.record.files.keys.filter(FakeHub.isLarge)
                return files?.count ?? 0 >= 2
            })
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let half = try run(hub, ["--model", Self.model] + Self.clip)
        #expect(half.status == 3 && half.errors.contains("has been pulled to \(place)"), "\(half.errors)")
        #expect(half.errors.contains("wan-infer models pull \(Self.model) goes on where it ended"))
        let fast = try FakeHub(Self.small)
        let again = try run(fast, ["models", "pull", Self.model, "--json"])
        #expect(again.status == 0, "\(again.errors)")
        #expect(fast.store.requests.count < 5)
        #expect(try run(nil, ["models", "verify", Self.model]).status == 0)
    }

    @Test func `a pull is stopped by a signal and keeps what came`() throws {
        let hub = try FakeHub(
            Self.small,
            atStore: { request, bytes, _ in
                var reply = FakeHub.reply(bytes, request)
                reply.pause = 30
                return reply
            })
        let process = try start(hub)
        #expect(eventually { hub.store.requests.count >= 4 })
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        let said = try String(contentsOfFile: folder.file("errors"), encoding: .utf8)
        #expect(said.contains("hint: the same command goes on where this one ended"), "\(said)")
    }

    private func start(_ hub: FakeHub) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: Self.path)
        process.arguments = ["models", "pull", Self.model]
        process.environment = ProcessInfo.processInfo.environment.merging(environment(hub)) { $1 }
        _ = FileManager.default.createFile(atPath: folder.file("errors"), contents: nil)
        process.standardError = FileHandle(forWritingAtPath: folder.file("errors"))
        try process.run()
        return process
    }

    @Test func `what cannot be fetched is said in one line`() throws {
        let hub = try FakeHub(Self.small)
        let restricted = try run(hub, ["models", "pull", "cogvideox-5b"])
        #expect(
            restricted.status == 3 && restricted.errors.contains("is under the CogVideoX License: research is free"))
        let unknown = try run(hub, ["models", "pull", "no-such-model"])
        #expect(unknown.status == 3 && unknown.errors.contains("hint: wan-infer models lists their names"))
        #expect(try run(hub, ["models", "pull"]).errors.contains("hint: wan-infer models pull NAME"))
        #expect(try run(hub, ["models", "fetch"]).errors.contains("wan-infer models list|inspect|pull|verify|pin|rm"))
        #expect(try run(hub, ["models", "list", "x"]).status == 2)
        #expect(try run(hub, ["models", "verify", Self.model, "--revision", "x"]).status == 2)
        let nobody = try run(nil, ["models", "pull", "built-in"])
        #expect(nobody.status == 3)
    }

    @Test func `a pull's line says how far, how fast and how long`() {
        var progress = PullProgress(.fetch)
        #expect(PullDisplay.text(PullProgress(.list)) == "asking the hub")
        progress.doneBytes = 3_200_000_000
        #expect(PullDisplay.text(progress) == "fetch  3.2 GB")
        progress.totalBytes = 14_500_000_000
        #expect(PullDisplay.text(progress) == "fetch  3.2 GB of 14.5 GB")
        progress.bytesPerSecond = 85_300_000
        #expect(PullDisplay.text(progress) == "fetch  3.2 GB of 14.5 GB  85.3 MB/s  2 min 12 s left")
        progress.stage = .check
        #expect(PullDisplay.text(progress).hasPrefix("check  3.2 GB of"))
        var lines = ""
        var time = 0.0
        let plain = PullDisplay(.plain, clock: { time }, sink: { lines += $0 })
        for _ in 0..<25 {
            #expect(plain.show(progress))
            time += 1
        }
        plain.finish()
        #expect(lines.split(separator: "\n").count == 3)
    }
}

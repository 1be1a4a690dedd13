import Crypto
import Foundation
import HTTPClient
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import ModelHub

/// What is on this machine: pulled models, and those of other programs.
@Suite(.bounded) struct ShelfTests {
    private let scene: Scene

    init() throws { scene = try Scene() }

    private func shelf(_ hub: FakeHub, cache: String? = nil) throws -> ModelShelf {
        var settings = try scene.settings(hub)
        settings.cache = cache
        return ModelShelf(settings)
    }

    private func damage(_ shelf: ModelShelf, _ pinned: [String: String] = [:]) throws -> [HubError] {
        try shelf.verify(Scene.model, FakeHub.repository, pinned: pinned) { _ in true }.damage
    }

    @Test func `a damaged file is found, named and fetched again, alone`() throws {
        let hub = try FakeHub(Scene.small)
        try scene.pull(hub)
        let shelf = try shelf(hub)
        #expect(try damage(shelf) == [])
        let path = "\(scene.place)/\(Scene.weights)"
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes[1000] ^= 1
        try bytes.write(to: URL(filePath: path))
        let found = try damage(shelf)
        guard case .digest(path, let expected, _, "the record") = try #require(found.first) else {
            Issue.record("\(found)")
            return
        }
        #expect(try found.count == 1 && expected == SHA256.hex(hub.files[Scene.weights] ?? []))
        #expect(try shelf.find(Scene.model, FakeHub.repository).place?.isHalf == true)
        let before = hub.store.requests.count
        try scene.pull(hub)
        try scene.expectWhole(hub)
        let again = hub.store.requests[before...].compactMap { FakeHub.range($0, 1 << 30)?.count }.reduce(0, +)
        #expect(again == bytes.count)
        #expect(throws: HubError.cancelled) { try shelf.verify(Scene.model, FakeHub.repository) { _ in false } }
    }

    @Test func `a file that is gone or cut is found without reading it`() throws {
        let hub = try FakeHub(Scene.small)
        try scene.pull(hub)
        let shelf = try shelf(hub)
        guard case .pulled = try shelf.find(Scene.model, FakeHub.repository).place else {
            Issue.record("not found")
            return
        }
        try Data().write(to: URL(filePath: "\(scene.place)/\(Scene.weights)"))
        #expect(try shelf.find(Scene.model, FakeHub.repository).place?.isHalf == true)
        guard case .size(_, _, 0, _) = try damage(shelf).first else {
            Issue.record("not found")
            return
        }
        try FileManager.default.removeItem(atPath: scene.place + "/vae/config.json")
        guard case .file = try damage(shelf).first else {
            Issue.record("not found")
            return
        }
        try scene.pull(hub)
        try scene.expectWhole(hub)
    }

    @Test func `what is pinned comes so or not at all`() throws {
        let hub = try FakeHub(Scene.small)
        try scene.pull(hub)
        let shelf = try shelf(hub)
        #expect(try shelf.pin(Scene.model) == nil)
        let pin = try shelf.writePin(Scene.model)
        #expect(try shelf.pin(Scene.model) == pin)
        #expect(pin.revision == FakeHub.commit && pin.files.count == 13)
        #expect(try damage(shelf, pin.files) == [])
        _ = try shelf.remove(Scene.model)
        try scene.pull(hub, pinned: pin.files)
        try scene.expectWhole(hub)
        _ = try shelf.remove(Scene.model)

        let zero = String(repeating: "0", count: 64)
        guard case .digest(Scene.weights, zero, _, let who) = try scene.failure(hub, pinned: [Scene.weights: zero])
        else {
            Issue.record("another file was taken")
            return
        }
        #expect(who == "the pin of \(Scene.model)")
        // Of small files the hub says no SHA-256; the bytes decide.
        guard case .digest("vae/config.json", zero, _, _) = try scene.failure(hub, pinned: ["vae/config.json": zero])
        else {
            Issue.record("another file was taken")
            return
        }
        #expect(try damage(shelf, ["model_index.json": zero]).count == 1)
        for text in [
            "", "{}", "[]", "{\"revision\": \"main\", \"files\": {}}",
            "{\"revision\": \"\(pin.revision)\", \"files\": {\"a\": 1}}",
        ] {
            try Data(text.utf8).write(to: URL(filePath: shelf.pinPath(Scene.model)))
            #expect(throws: HubError.self) { try shelf.pin(Scene.model) }
        }
    }

    @Test func `removing takes what was pulled and leaves what others put there`() throws {
        let hub = try FakeHub(Scene.small)
        try scene.pull(hub)
        let shelf = try shelf(hub)
        try Data("theirs".utf8).write(to: URL(filePath: "\(scene.place)/vae/notes.txt"))
        #expect(try shelf.remove(Scene.model) > 250_000)
        #expect(try scene.names == ["vae/notes.txt"])
        #expect(throws: HubError.notHere(model: Scene.model, root: scene.root)) { try shelf.remove(Scene.model) }
        try FileManager.default.removeItem(atPath: scene.place)
        try scene.pull(hub)
        _ = try shelf.remove(Scene.model)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scene.root) == [])
    }

    @Test func `a record that somebody wrote cannot reach beyond its folder`() throws {
        let hub = try FakeHub(Scene.small)
        try scene.pull(hub)
        let shelf = try shelf(hub)
        let path = "\(scene.place)/.wan-infer-pull.json"
        let sound = try String(contentsOfFile: path, encoding: .utf8)
        try Data("theirs".utf8).write(to: URL(filePath: scene.root + "/secret.json"))
        for (old, new) in [
            ("vae/config.json", "../secret.json"), ("vae/config.json", "/etc/passwd"),
            ("\"version\": 1", "\"version\": 2"),
            (FakeHub.commit, "main"), ("\"whole\": true", "\"whole\": 1"),
            ("\"bytes\": 194500", "\"bytes\": 9223372036854775807"), ("\"bytes\": 194500", "\"bytes\": -1"), ("{", "["),
            ("\"sha256\"", "\"md5\""),
        ] {
            try Data(sound.replacing(old, with: new).utf8).write(to: URL(filePath: path))
            #expect(throws: HubError.self, "\(new)") { try shelf.remove(Scene.model) }
        }
        // A folder of the record that has become a link.
        try Data(sound.utf8).write(to: URL(filePath: path))
        let theirs = try TemporaryFolder()
        try Data("theirs".utf8).write(to: URL(filePath: theirs.file("config.json")))
        try FileManager.default.removeItem(atPath: scene.place + "/vae")
        try FileManager.default.createSymbolicLink(atPath: scene.place + "/vae", withDestinationPath: theirs.path)
        _ = try shelf.remove(Scene.model)
        #expect(try theirs.names == ["config.json"])
        #expect(FileManager.default.fileExists(atPath: scene.root + "/secret.json"))
    }

    // MARK: other programs

    /// A model as Hugging Face's programs keep it: links to files that are called by their digests.
    private func cache(_ hub: FakeHub, leavingOut: String? = nil) throws -> String {
        let files = FileManager.default
        let root = scene.folder.file("hub")
        let model = root + "/models--Wan-AI--Wan2.1-T2V-1.3B-Diffusers"
        for folder in ["refs", "blobs"] {
            try files.createDirectory(atPath: "\(model)/\(folder)", withIntermediateDirectories: true)
        }
        try Data(FakeHub.commit.utf8).write(to: URL(filePath: model + "/refs/main"))
        for (path, bytes) in hub.files where path != leavingOut {
            // Small files are called by git's digests.
            let digest = String(try SHA256.hex(bytes).prefix(FakeHub.isLarge(path) ? 64 : 40))
            try Data(bytes).write(to: URL(filePath: "\(model)/blobs/\(digest)"))
            let link = URL(filePath: "\(model)/snapshots/\(FakeHub.commit)/\(path)")
            try files.createDirectory(at: link.deletingLastPathComponent(), withIntermediateDirectories: true)
            let up = String(repeating: "../", count: path.split(separator: "/").count + 1)
            try files.createSymbolicLink(atPath: link.path, withDestinationPath: "\(up)blobs/\(digest)")
        }
        return root
    }

    @Test func `a copy of another program is found and never written to`() throws {
        let hub = try FakeHub(Scene.small, others: Scene.others)
        let root = try cache(hub)
        let before = try FolderPicture(root)
        let shelf = try shelf(hub, cache: root)
        guard case .cached(let folder, let bytes) = try shelf.find(Scene.model, FakeHub.repository).place else {
            Issue.record("not found")
            return
        }
        #expect(folder.hasSuffix("/snapshots/\(FakeHub.commit)") && bytes > 250_000)
        #expect(throws: HubError.self) { try shelf.remove(Scene.model) }
        // Large files are called by their digests there.
        let sound = try shelf.verify(Scene.model, FakeHub.repository) { _ in true }
        #expect(sound.files == 5 && sound.bytes > 250_000 && sound.damage.isEmpty)
        guard case .cached = try shelf.find(Scene.model, FakeHub.repository, revision: FakeHub.commit).place else {
            Issue.record("not found by its commit")
            return
        }
        #expect(try shelf.find(Scene.model, FakeHub.repository, revision: "other").place == nil)
        #expect(try before.changes(to: FolderPicture(root)) == [])
        // What was pulled comes first.
        try scene.pull(hub)
        guard case .pulled = try shelf.find(Scene.model, FakeHub.repository).place else {
            Issue.record("not the pulled one")
            return
        }
    }

    @Test func `a copy that is not whole, or cannot be read, is named`() throws {
        let hub = try FakeHub(Scene.small)
        let root = try cache(hub, leavingOut: Scene.weights)
        let shelf = try shelf(hub, cache: root)
        let half = try shelf.find(Scene.model, FakeHub.repository)
        #expect(half.place == nil && half.remark?.text.contains("weights in vae is missing") == true)
        let reference = root + "/models--Wan-AI--Wan2.1-T2V-1.3B-Diffusers/refs/main"
        try FileManager.default.removeItem(atPath: reference)
        // The only one there is.
        #expect(try shelf.find(Scene.model, FakeHub.repository).remark != nil)
        try FileManager.default.createSymbolicLink(atPath: reference, withDestinationPath: "main")
        let unreadable = try shelf.find(Scene.model, FakeHub.repository)
        #expect(unreadable.place == nil)
        #expect(unreadable.remark?.text.contains("refs/main cannot be looked at") == true)
        #expect(try ModelShelf(scene.settings(hub)).find(Scene.model, FakeHub.repository).remark == nil)
    }

    @Test(arguments: ["", "/model_index.json", "/transformer", "/vae/config.json"])
    func `what of a copy nobody may look at is named, and why`(_ inner: String) throws {
        let hub = try FakeHub(Scene.small)
        let root = try cache(hub)
        let snapshots = "\(root)/models--Wan-AI--Wan2.1-T2V-1.3B-Diffusers/snapshots"
        let place = inner.isEmpty ? snapshots : "\(snapshots)/\(FakeHub.commit)\(inner)"
        try FileManager.default.removeItem(atPath: place)
        // Root may read everything, but not follow a link to itself.
        try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: place)
        let found = try shelf(hub, cache: root).find(Scene.model, FakeHub.repository)
        let text = found.remark?.text ?? ""
        #expect(found.place == nil && text.contains("\(snapshots)/\(FakeHub.commit)\(inner)"), "\(text)")
        #expect(text.contains("cannot be looked at: Too many levels"), "\(text)")
    }

    // MARK: settings

    @Test func `the environment is read as Hugging Face's programs read it`() throws {
        let folder = scene.folder
        try Data("hf_file\n".utf8).write(to: URL(filePath: folder.file("token")))
        try Data("two tokens\n".utf8).write(to: URL(filePath: folder.file("bad")))
        let plain = try HubSettings(["HOME": "/home/u"])
        #expect(plain.endpoint.text == "https://huggingface.co/" && plain.token == nil)
        #expect(
            plain.root == "/home/u/.local/share/wan-infer/models" && plain.cache == "/home/u/.cache/huggingface/hub")
        let other = try HubSettings([
            "HF_ENDPOINT": "http://127.0.0.1:8081/hf/", "HF_HOME": folder.path, "XDG_DATA_HOME": "/data",
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_CACHE": "/c",
        ])
        #expect(other.endpoint.text == "http://127.0.0.1:8081/hf" && other.token == "hf_file")
        #expect(
            other.root == "/data/wan-infer/models" && other.cache == "/c" && other.offlineVariable == "HF_HUB_OFFLINE")
        #expect(try HubSettings(["HOME": "/", "HF_TOKEN": " hf_x \n", "WAN_INFER_MODELS": "/m"]).token == "hf_x")
        #expect(try HubSettings(["HOME": "/", "HF_TOKEN_PATH": folder.file("token")]).token == "hf_file")
        for environment in [
            [:], ["HOME": "relative"], ["HOME": "/", "HF_ENDPOINT": "huggingface.co"],
            ["HOME": "/", "HF_TOKEN": "a b"],
            ["HOME": "/", "HF_TOKEN": "a\u{7F}"], ["HOME": "/", "HF_TOKEN_PATH": folder.file("bad")],
            ["HOME": "/", "HF_TOKEN_PATH": folder.file("none")],
        ] {
            #expect(throws: HubError.self, "\(environment)") { try HubSettings(environment) }
        }
    }

    @Test func `every error has words, and no secret is in them`() {
        let errors: [HubError] = [
            .setting(name: "HF_TOKEN", found: "something else", rule: "x"), .noFolder, .offline(variable: "X"),
            .notFound(repository: "a/b", revision: "r", host: "h"), .fileMissing(repository: "a/b", path: "c"),
            .unauthorised(repository: "a/b", host: "h", hadToken: true), .locked(folder: "/m"), .cancelled,
            .interrupted(host: "h", reason: "r", attempts: 3), .badRecord(path: "/m/x", problem: "p"),
            .noWeights(repository: "a/b", folder: "vae", others: ["x.bin"]), .inTheWay(path: "/m", found: "a pipe"),
        ]
        for error in errors {
            let told = error.videoError
            #expect(!told.message.isEmpty && told.code.exitStatus > 1, "\(error)")
        }
    }
}

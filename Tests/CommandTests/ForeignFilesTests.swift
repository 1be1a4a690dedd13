import Foundation
import JobStore
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoRouter
import VideoTypes

/// Everything that writes, over folders full of other people's files.
@Suite(.bounded) struct ForeignFilesTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try fill(folder.path)
    }

    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path

    /// Names like ours, links, pipes, other owners and modes.
    private func fill(_ path: String) throws {
        let files = FileManager.default
        let id = "video_0123456789abcdef0123456789abcdef"
        for name in [
            "out.mp4", "ballast", "notes.txt", "lock.txt", ".wan-infer-0123456789abcdef0123.part", "work.tmp",
            ".1-1.tmp",
            "matmul-sm_90-0123456789abcdef0123456789abcdef.cubin", "request_0123456789abcdef0123456789abcdef.mp4",
            "0123456789abcdef.promise", "decisions.jsonl", "outputs/\(id).mp4", "outputs/holiday.mp4",
            "checkpoints/last.ckpt", "checkpoints/\(id)", "parts/\(id).1.part.mp4", "quarantine/x",
            "clips/a.mp4.1.part",
        ] {
            let url = URL(fileURLWithPath: path + "/" + name)
            try files.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("theirs: \(name)".utf8).write(to: url)
            try files.setAttributes(
                [.posixPermissions: 0o644, .modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: url.path)
        }
        try files.createSymbolicLink(atPath: path + "/link.mp4", withDestinationPath: "notes.txt")
        try files.createSymbolicLink(atPath: path + "/dangling.safetensors", withDestinationPath: "nothing")
        #expect(unsafe mkfifo(path + "/pipe.safetensors", 0o644) == 0)
        if getuid() == 0 { #expect(unsafe lchown(path + "/outputs/holiday.mp4", 65_534, 65_534) == 0) }
        try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }

    /// What was changed, but for what was made under these names, and what the cache keeps of its own.
    private func changes(from before: FolderPicture, made names: Set<String> = []) throws -> [String] {
        before.changes(to: try FolderPicture(folder.path)).filter {
            !names.contains($0) && !$0.hasPrefix("faster-dtype-")
        }
    }

    @Test func `the service refuses the folder and leaves it as it is`() throws {
        let before = try FolderPicture(folder.path)
        for words in [["serve", "--state", "."], ["serve", "--state", folder.path + "/outputs", "--port", "0"]] {
            let run = try Subprocess(Self.program, words, folder: folder.path)
            #expect(run.status == VideoError.Code.stateUnusable.exitStatus, "\(run.errors)")
            #expect(run.errors.contains("no journal of wan-infer") && run.errors.contains("hint"), "\(run.errors)")
        }
        #expect(try changes(from: before) == [])
    }

    @Test func `the service in a folder of its own leaves what others put there`() throws {
        let state = folder.path
        for name in try FileManager.default.contentsOfDirectory(atPath: state) {
            try FileManager.default.removeItem(atPath: state + "/" + name)
        }
        _ = try JobStore(folder: state).recover()
        for name in ["ballast"] { try FileManager.default.removeItem(atPath: state + "/" + name) }
        try fill(state)
        let before = try FolderPicture(state)
        let said = try ServedProgram.errors(["--state", state, "--port", "0"], seconds: 3)
        #expect(said.contains("listening on"), "\(said)")
        let journal: Set = ["jobs.db", "jobs.db-wal", "jobs.db-shm"]
        #expect(try changes(from: before, made: journal) == [])
    }

    @Test func `the command writes what it was told to and nothing else`() throws {
        let before = try FolderPicture(folder.path)
        let words = [
            "a red ball", "--steps", "1", "--frames", "1", "--seed", "1", "--device", "cpu", "--output", "new.mp4",
            "--dump", "new.safetensors",
        ]
        let run = try Subprocess(
            Self.program, words, folder: folder.path, environment: ["WAN_INFER_CACHE": folder.path])
        #expect(run.status == 0, "\(run.errors)")
        #expect(try changes(from: before, made: ["new.mp4", "new.safetensors"]) == [])
        // A device, a pipe or a folder would be replaced by a file.
        for name in ["pipe.safetensors", "dangling.safetensors", "outputs", "/dev/null"] {
            let refused = try Subprocess(Self.program, words.dropLast() + [name], folder: folder.path)
            #expect(refused.status == VideoError.Code.outputFailed.exitStatus, "\(name): \(refused.errors)")
        }
        #expect(try changes(from: before, made: ["new.mp4", "new.safetensors"]) == [])
        var facts = stat()
        #expect(unsafe stat("/dev/null", &facts) == 0 && facts.st_mode & S_IFMT == S_IFCHR)
    }

    @Test func `long work keeps its state in a folder of its own and its clips under free names`() throws {
        let before = try FolderPicture(folder.path)
        let words = ["a red ball", "--steps", "2", "--frames", "1", "--seed", "1", "--device", "cpu"]
        for name in [".", "checkpoints", "outputs", "pipe.safetensors", "notes.txt"] {
            let refused = try Subprocess(Self.program, words + ["--checkpoint", name], folder: folder.path)
            #expect(refused.status == VideoError.Code.stateUnusable.exitStatus, "\(name): \(refused.errors)")
        }
        let list = folder.path + "-list.txt"
        try Data("a red ball\n".utf8).write(to: URL(fileURLWithPath: list))
        defer { try? FileManager.default.removeItem(atPath: list) }
        try Data("theirs".utf8).write(to: URL(fileURLWithPath: folder.file("night-1.mp4")))
        let batch = ["--batch", list, "--output", "night.mp4"] + Array(words.dropFirst())
        #expect(try Subprocess(Self.program, batch, folder: folder.path).status == 9)
        #expect(try Subprocess(Self.program, batch + ["--resume"], folder: folder.path).status == 9)
        #expect(try changes(from: before, made: ["night-1.mp4"]) == [])
    }

    @Test func `the library names its clips as nobody did before`() async throws {
        let before = try FolderPicture(folder.path)
        var options = LocalVideoProvider.Options()
        options.outputFolder = folder.path
        options.device = "cpu"
        let provider = try LocalVideoProvider(options)
        var request = VideoRequest(prompt: "a red ball")
        request.id = "out"
        request.steps = 1
        request.frames = 1
        let result = try await provider.generate(request) { _ in }
        #expect(result.path == folder.file("out-2.mp4"))
        #expect(try changes(from: before, made: ["out-2.mp4"]) == [])
    }

    @Test func `the router keeps promises beside others' files and adds to no log that is none`() async throws {
        let before = try FolderPicture(folder.path)
        let promises = try PromiseFolder(path: folder.path)
        #expect(try await promises.all().isEmpty)
        try await promises.settle("0123456789abcdef")
        try await promises.settle("../out")
        #expect(throws: RouterError.self) { try DecisionLog(path: folder.file("decisions.jsonl")) }
        #expect(throws: RouterError.self) { try DecisionLog(path: folder.file("link.mp4")) }
        #expect(try changes(from: before) == [])
    }
}

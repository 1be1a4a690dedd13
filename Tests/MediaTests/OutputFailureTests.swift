import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import Media

@Suite(.bounded) struct OutputFailureTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func problem(_ path: String) -> OutputProblem? {
        do throws(MediaError) {
            _ = try MP4Writer(path: path, width: 64, height: 64, framesPerSecond: 16)
        } catch .output(_, let problem) {
            return problem
        } catch {
            Issue.record(error)
        }
        return nil
    }

    @Test func `a missing folder is named with the command that makes it`() throws {
        let path = folder.file("no/such/out.mp4")
        #expect(problem(path) == .folderMissing(folder.file("no/such")))
        let error = MediaError.output(path: path, problem: .folderMissing(folder.file("no/such"))).videoError
        #expect(error.code == .outputFailed)
        #expect(error.hint == "create it: mkdir -p '\(folder.file("no/such"))'")
    }

    @Test func `what is no place for a file is refused`() throws {
        try FileManager.default.createDirectory(atPath: folder.file("d.mp4"), withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(atPath: folder.file("l.mp4"), withDestinationPath: "nowhere.mp4")
        try FileManager.default.createSymbolicLink(atPath: folder.file("n.mp4"), withDestinationPath: "/dev/null")
        try #require(unsafe mkfifo(folder.file("f.mp4"), 0o600) == 0)
        #expect(problem(folder.file("d.mp4")) == .isDirectory)
        #expect(problem(folder.file("l.mp4")) == .danglingLink)
        #expect(problem(folder.file("n.mp4")) == .notRegular)
        #expect(problem(folder.file("f.mp4")) == .notRegular)
        #expect(problem(folder.file("clip.avi")) == .notMP4)
        #expect(problem("/dev/null") == .notMP4)
        #expect(problem("") == .emptyPath)
        #expect(
            problem(folder.file(String(repeating: "x", count: 300) + ".mp4"))
                == .system(call: "stat", errno: ENAMETOOLONG))
        #expect(try folder.names == ["d.mp4", "f.mp4", "l.mp4", "n.mp4"])
    }

    @Test func `a writer that is dropped leaves nothing behind and an old file untouched`() throws {
        let path = folder.file("clip.mp4")
        try Data("old".utf8).write(to: URL(fileURLWithPath: path))
        do {
            let writer = try MP4Writer(path: path, width: 64, height: 64, framesPerSecond: 16)
            for index in 0..<60 {
                try writer.append(SampleClips.disc(index))
            }
        }
        #expect(try folder.names == ["clip.mp4"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("old".utf8))
    }

    @Test func `a finished clip replaces an old file, through a link too`() throws {
        let path = folder.file("clip.mp4")
        try Data("old".utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.createSymbolicLink(atPath: folder.file("link.mp4"), withDestinationPath: "clip.mp4")
        try SampleClips.write([SampleClips.disc(0)], to: folder.file("link.mp4"))
        #expect(try MP4Reader(path: path).facts().frames == 1)
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("link.mp4")) == "clip.mp4")
        #expect(try folder.names == ["clip.mp4", "link.mp4"])
    }

    @Test(arguments: [true, false])
    func `a pending file appears only when it is published`(allowsUnnamed: Bool) throws {
        let target = try OutputTarget(folder.file("clip.mp4"))
        do {
            let file = try PendingFile(target, allowsUnnamed: allowsUnnamed)
            try Data("lost".utf8).write(to: URL(fileURLWithPath: file.ioPath))
            if !allowsUnnamed { #expect(try folder.names.count == 1) }
        }
        #expect(try folder.names.isEmpty)
        let file = try PendingFile(target, allowsUnnamed: allowsUnnamed)
        let handle = try #require(FileHandle(forWritingAtPath: file.ioPath))
        try handle.write(contentsOf: Data("kept".utf8))
        #expect(file.byteCount == 4)
        try file.publish()
        #expect(try folder.names == ["clip.mp4"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("clip.mp4"))) == Data("kept".utf8))
        let mode = try FileManager.default.attributesOfItem(atPath: folder.file("clip.mp4"))[.posixPermissions] as? Int
        // umask(2) can only be read by changing it, under the feet of other tests.
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Umask:") })
        let mask = try #require(Int(line.drop { !$0.isNumber }, radix: 8))
        #expect(mode == 0o666 & ~mask)
    }

    @Test(arguments: [true, false])
    func `a file that keeps what is there takes the next free name`(allowsUnnamed: Bool) throws {
        let target = try OutputTarget(folder.file("a.b.mp4"), keepsExisting: true)
        try FileManager.default.createDirectory(atPath: folder.file("a.b-2.mp4"), withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(atPath: folder.file("a.b-3.mp4"), withDestinationPath: "nowhere")
        var names: [String] = []
        for _ in 0..<2 {
            let file = try PendingFile(target, allowsUnnamed: allowsUnnamed)
            try file.append([1])
            names.append(try file.publish())
        }
        #expect(names == [folder.file("a.b.mp4"), folder.file("a.b-4.mp4")])
        #expect(try folder.names == ["a.b-2.mp4", "a.b-3.mp4", "a.b-4.mp4", "a.b.mp4"])
    }

    @Test func `colons, spaces and letters of any kind are only a name`() throws {
        let path = folder.file("http: a b ÿ 日本 %d.mp4")
        try SampleClips.write([SampleClips.disc(0)], to: path)
        #expect(try MP4Reader(path: path).facts().frames == 1)
    }

    @Test func `a file that is no clip is not read as one`() throws {
        let path = folder.file("text.mp4")
        for text in ["", "not a clip", "#EXTM3U\nfile:///etc/passwd\n", "\0\0\0\u{8}free"] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            #expect(throws: MediaError.notAClip(path: path, reason: "it is no MP4 file")) { try MP4Reader(path: path) }
        }
        #expect(throws: MediaError.self) { try MP4Reader(path: folder.path) }
        #expect(throws: MediaError.self) { try MP4Reader(path: folder.file("none.mp4")) }
    }

    /// Its index comes first, so that it decodes up to there.
    @Test func `a clip that lost its end is not read as one`() throws {
        let (whole, path) = (folder.file("whole.mp4"), folder.file("begun.mp4"))
        try SampleClips.write((0..<9).map { SampleClips.noise(seed: $0) }, to: whole)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
        #expect(try MP4Reader(path: whole).facts().frames == 9)
        for missing in [1, 1000, bytes.count / 3] {
            try bytes.dropLast(missing).write(to: URL(fileURLWithPath: path))
            let length = bytes.count - missing
            let reason = "it has ended after \(length) bytes, in the middle of its data"
            #expect(throws: MediaError.notAClip(path: path, reason: reason)) { try MP4Reader(path: path) }
        }
        // What stands behind the last box is nobody's matter.
        try (bytes + Data("\nsent by a gateway".utf8)).write(to: URL(fileURLWithPath: path))
        #expect(try MP4Reader(path: path).facts().frames == 9)
    }

    @Test func `a file-size limit in the middle of a clip is an error and leaves nothing`() async throws {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            let folder = try TemporaryFolder()
            var limit = rlimit(rlim_cur: 20_000, rlim_max: 20_000)
            try #require(unsafe setrlimit(__rlimit_resource_t(1), &limit) == 0)
            do throws(MediaError) {
                let frames = (0..<300).map { SampleClips.noise(seed: $0) }
                let writer = try MP4Writer(path: folder.file("clip.mp4"), width: 128, height: 128, framesPerSecond: 16)
                for frame in frames {
                    try writer.append(frame)
                }
                _ = try writer.finish()
                Issue.record("the clip fitted into 20 kB")
            } catch {
                #expect(error.videoError.code == .outputFailed)
                #expect(error.videoError.message.contains("File too large"))
            }
            #expect(try folder.names.isEmpty)
        }
    }

    @Test(.needsSmallDisk)
    func `a full disk is an error and leaves nothing`() async throws {
        await #expect(processExitsWith: .success) {
            let disk = try SmallDisk(kibibytes: 64)
            let folder = disk.folder
            do throws(MediaError) {
                let writer = try MP4Writer(path: folder.file("clip.mp4"), width: 128, height: 128, framesPerSecond: 16)
                for index in 0..<300 {
                    try writer.append(SampleClips.noise(seed: index))
                }
                _ = try writer.finish()
                Issue.record("the clip fitted into 64 kB")
            } catch {
                #expect(error.videoError.code == .diskFull)
                #expect(error.videoError.message.contains("No space left on device"))
                #expect(error.videoError.hint == "free some space, or write somewhere else")
            }
            #expect(try folder.names.isEmpty)
        }
    }

    @Test(.needsRoot)
    func `a folder without the right to write is an error`() async throws {
        try Data("old".utf8).write(to: URL(fileURLWithPath: folder.file("old.mp4")))
        await #expect(processExitsWith: .success) { [path = folder.path as String] in
            // access(2) asks for the real user.
            try #require(setreuid(65534, 0) == 0)
            let error = #expect(throws: MediaError.self) {
                try MP4Writer(path: path + "/clip.mp4", width: 64, height: 64, framesPerSecond: 16)
            }
            #expect(error == .output(path: path + "/clip.mp4", problem: .system(call: "access", errno: EACCES)))
            let readOnly = #expect(throws: MediaError.self) {
                try MP4Writer(path: path + "/old.mp4", width: 64, height: 64, framesPerSecond: 16)
            }
            #expect(readOnly == .output(path: path + "/old.mp4", problem: .readOnly))
        }
    }
}

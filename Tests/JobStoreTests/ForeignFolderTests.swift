import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes
import journal_child

@testable import JobStore

/// Other people's folders and files.
@Suite(.bounded) struct ForeignFolderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var state: String { folder.file("state") }

    private func put(_ name: String, _ bytes: Data = Data("theirs".utf8)) throws {
        let url = URL(fileURLWithPath: state + "/" + name)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try bytes.write(to: url)
    }

    /// Opens the folder, which must be refused with nothing in it touched.
    private func expectRefusal(_ comment: Comment) throws {
        let before = try FolderPicture(state)
        let error = #expect(throws: StoreError.self, comment) { try JobStore(folder: state) }
        #expect(error?.videoError.code == .stateUnusable && error?.videoError.hint != nil, comment)
        #expect(try before.changes(to: FolderPicture(state)) == [], comment)
    }

    @Test(arguments: [
        "checkpoints/epoch-100.safetensors", "outputs/holiday.mp4", "parts/bolt.step", "ballast", "notes.txt",
        ".hidden",
        "outputs/video_0123456789abcdef0123456789abcdef.mp4", "quarantine/x", "lock/x", "jobs.db-wal",
    ])
    func `a folder with something in it and no journal of ours is refused untouched`(name: String) throws {
        try put(name)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: state)
        try expectRefusal("\(name)")
    }

    @Test func `other journals are refused untouched`() throws {
        for name in ["lock", "ballast", "checkpoints/a", "parts/b", "outputs/c"] { try put(name) }
        for bytes in [
            Data(), Data("notes".utf8), Data("SQLite format 3\0".utf8),
            Data("SQLite format 3\0".utf8) + Data(count: 8192),
        ] {
            try put("jobs.db", bytes)
            try expectRefusal("\(bytes.count) bytes")
        }
        try FileManager.default.removeItem(atPath: state + "/jobs.db")
        try FileManager.default.createSymbolicLink(atPath: state + "/jobs.db", withDestinationPath: "/etc/passwd")
        try expectRefusal("a link")
    }

    @Test func `another program's database keeps its log`() throws {
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        let python = try #require(Subprocess.find("python3"))
        let script = """
            import os, sqlite3, sys
            c = sqlite3.connect(sys.argv[1]); c.execute("pragma journal_mode = wal"); c.execute("create table a (b)")
            c.commit(); os._exit(0)
            """
        #expect(try Subprocess(python, ["-c", script, state + "/jobs.db"]).status == 0)
        try expectRefusal("a foreign database")
        let before = try FolderPicture(state)
        #expect(JobStore.samples(in: state, engine: "cpu").isEmpty)
        #expect(try before.changes(to: FolderPicture(state)) == [])
    }

    @Test func `an empty folder and what a start that was cut off leaves are taken`() throws {
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: state)
        _ = try JobStore(folder: state)
        // Only what lies in it is for its owner alone.
        let mode = try FileManager.default.attributesOfItem(atPath: state)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o755)
        for names in [["lock"], ["lock", "jobs.db"], ["lock", "jobs.db", "jobs.db-journal"]] {
            try FileManager.default.removeItem(atPath: state)
            for name in names { try put(name, Data()) }
            _ = try JobStore(folder: state).submit(.sample(), owner: nil)
        }
    }

    @Test func `a journal whose head is still in its log is ours`() throws {
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        let python = try #require(Subprocess.find("python3"))
        let script = """
            import os, sqlite3, sys
            c = sqlite3.connect(sys.argv[1]); c.execute("pragma journal_mode = wal")
            c.execute("create table a (b)"); c.execute("pragma application_id = 0x57414E4A"); c.commit(); os._exit(0)
            """
        #expect(try Subprocess(python, ["-c", script, state + "/jobs.db"]).status == 0)
        #expect(StateFolder.holdsJournal(state))
    }

    @Test func `a folder that everybody may change is refused, one with a sticky bit is not`() throws {
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: state)
        try expectRefusal("0777")
        try FileManager.default.setAttributes([.posixPermissions: 0o1777], ofItemAtPath: state)
        _ = try JobStore(folder: state)
    }

    @Test func `in our own folder other people's files stay where they are`() throws {
        let job = try { () throws in
            let test = try TestStore(folder)
            let job = try test.completed()
            try test.submit()
            _ = try test.claim()
            return job
        }()
        let stranger = JobID()
        for name in [
            "parts/\(stranger).1.part.mp4", "parts/\(job.id).01.part.mp4", "parts/\(job.id).1.part.mp4.bak",
            "parts/.wan-infer-x.part", "checkpoints/\(stranger)", "checkpoints/\(stranger).new",
            "checkpoints/\(job.id).ckpt", "checkpoints/last.ckpt", "outputs/\(stranger).mp4",
            "outputs/\(job.id).mp4.txt",
            "outputs/notes.txt", "quarantine/x", "notes.txt",
        ] { try put(name) }
        for name in ["parts/link.mp4", "checkpoints/link", "outputs/link.mp4"] {
            try FileManager.default.createSymbolicLink(atPath: state + "/" + name, withDestinationPath: "/etc/passwd")
        }
        for name in ["parts/folder", "outputs/\(stranger)x.mp4"] {
            try FileManager.default.createDirectory(atPath: state + "/" + name, withIntermediateDirectories: true)
        }
        try FileManager.default.removeItem(atPath: state + "/ballast")
        try put("ballast")
        if getuid() == 0 {
            for name in ["outputs/notes.txt", "parts/folder"] {
                #expect(unsafe lchown(state + "/" + name, 65_534, 65_534) == 0)
            }
        }
        let isJournal = { (name: String) in name.hasPrefix("jobs.db") || name == "lock" }
        let before = try FolderPicture(state).without(isJournal)
        let store = try JobStore(folder: state)
        #expect(try store.recover().requeued.count == 1)
        _ = try store.sweep(quotaBytes: 0)
        #expect(try before.changes(to: FolderPicture(state).without(isJournal)) == [])
    }

    @Test func `leftovers of our jobs go, whatever they are called in the making`() throws {
        let (done, running) = try { () throws in
            let test = try TestStore(folder)
            let done = try test.completed()
            let running = try test.submit()
            _ = try test.claim()
            return (done, running)
        }()
        for name in [
            "parts/\(running.id).1.part.mp4", "parts/\(done.id).12.part.mp4",
            "parts/.wan-infer-1y2p0ij32e8e7abcdef012.part",
            "checkpoints/\(done.id)", "checkpoints/\(done.id).new",
        ] { try put(name) }
        try put("checkpoints/\(running.id)")
        _ = try JobStore(folder: state).recover()
        #expect(try FileManager.default.contentsOfDirectory(atPath: state + "/parts").isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: state + "/checkpoints") == ["\(running.id)"])
    }
}

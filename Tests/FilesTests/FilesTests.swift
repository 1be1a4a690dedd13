import Foundation
import TestSupport
import TestTools
import Testing

@testable import Files

/// Files are written whole or not at all, and what went wrong is told.
@Suite(.bounded) struct FilesTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.file("")).sorted() }
    }

    private func text(_ name: String) -> String? { try? String(contentsOfFile: folder.file(name), encoding: .utf8) }

    @Test func `a new file has its name only when it is whole`() throws {
        try FileBytes.replace(folder.file("a"), with: Array("old".utf8))
        let file = try NewFile(folder.file("a"))
        try file.append(Array("new".utf8))
        try file.append(Array(" text".utf8)[...])
        #expect(text("a") == "old")
        try file.publish()
        #expect(text("a") == "new text")
        #expect(try names == ["a"])
    }

    @Test func `one that is let go leaves nothing behind and nothing changed`() throws {
        try FileBytes.replace(folder.file("a"), with: Array("old".utf8))
        for temporary in [NewFile.Temporary.random, .free(folder.file("b")), .ours(folder.file("b"))] {
            do {
                let file = try NewFile(folder.file("a"), temporary: temporary)
                try file.append([1, 2, 3])
                #expect(try names.count == 2)
            }
            #expect(try names == ["a"])
        }
        #expect(text("a") == "old")
    }

    @Test func `a temporary name that must be free is not taken, one that is ours is`() throws {
        try FileBytes.replace(folder.file("b"), with: Array("somebody's".utf8))
        #expect(throws: FileFailure("open", EEXIST)) {
            try NewFile(folder.file("a"), temporary: .free(folder.file("b")))
        }
        #expect(text("b") == "somebody's")
        let file = try NewFile(folder.file("a"), temporary: .ours(folder.file("b")))
        try file.append([UInt8(ascii: "x")])
        try file.publish()
        #expect(try names == ["a"])
        #expect(text("a") == "x")
    }

    @Test func `what fails says which call and why`() throws {
        #expect(throws: FileFailure("open", ENOENT)) { try NewFile(folder.file("no/a")) }
        #expect("\(FileFailure("open", ENOENT))" == "open failed: No such file or directory")
        try FileManager.default.createDirectory(atPath: folder.file("d"), withIntermediateDirectories: false)
        #expect(throws: FileFailure("rename", EISDIR)) { try FileBytes.replace(folder.file("d"), with: [1]) }
        #expect(try names == ["d"])
        #expect(!FileBytes.write([1], to: -1) && errno == EBADF)
    }

    @Test func `reading knows files that are not there, links and what is too large`() throws {
        #expect(try FileBytes.read(folder.file("a")) == nil)
        try FileBytes.replace(folder.file("a"), with: [UInt8](repeating: 7, count: 200_000))
        #expect(try FileBytes.read(folder.file("a"))?.count == 200_000)
        #expect(throws: FileFailure("read", EFBIG)) { try FileBytes.read(folder.file("a"), limit: 100_000) }
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"), withDestinationPath: folder.file("a"))
        #expect(throws: FileFailure("open", ELOOP)) { try FileBytes.read(folder.file("link")) }
        try FileBytes.remove(folder.file("a"))
        try FileBytes.remove(folder.file("a"))
        #expect(try names == ["link"])
    }

    @Test func `clocks go forward, and each tells its own time`() {
        let clocks = [SystemClock.monotonic, SystemClock.boot, SystemClock.unix]
        for clock in clocks {
            let first = clock()
            #expect(clock() >= first)
        }
        let awake = SystemClock.monotonic()
        #expect(SystemClock.boot() >= awake)
        #expect(abs(SystemClock.unix() - Date().timeIntervalSince1970) < 60)
    }
}

import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import wan_infer

@Suite(.bounded) struct StandardInputTests {
    /// What a pipe with these bytes in it gives; closed after them unless told otherwise.
    private func prompt(_ bytes: [UInt8], isClosed: Bool = true) throws -> String? {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data(bytes))
        if isClosed { try pipe.fileHandleForWriting.close() }
        defer { withExtendedLifetime(pipe) {} }
        return try StandardInput(
            descriptor: pipe.fileHandleForReading.fileDescriptor, secondsForFirstByte: 0.05, secondsOfSilence: 0.05
        ).prompt()
    }

    @Test func `a prompt loses the white space around it`() throws {
        #expect(try prompt(Array("\n a red circle\nmoves \r\n".utf8)) == "a red circle\nmoves")
        #expect(try prompt(Array("円 🟥\n".utf8)) == "円 🟥")
    }

    @Test func `empty, blank, silent and missing input is no prompt`() throws {
        #expect(try prompt([]) == nil)
        #expect(try prompt(Array(" \n\n".utf8)) == nil)
        #expect(try prompt([], isClosed: false) == nil)
        #expect(try StandardInput(descriptor: 9999).prompt() == nil)
        let null = try #require(FileHandle(forReadingAtPath: "/dev/null"))
        #expect(try StandardInput(descriptor: null.fileDescriptor).prompt() == nil)
        let folder = unsafe open("/", O_RDONLY)
        defer { close(folder) }
        #expect(try StandardInput(descriptor: folder).prompt() == nil)
    }

    @Test func `a prompt that begins and does not end is an error`() {
        let error = #expect(throws: VideoError.self) { try prompt(Array("a red".utf8), isClosed: false) }
        #expect(error?.message == "the prompt on standard input has begun but does not end")
    }

    @Test func `what is not text is refused`() {
        let broken = #expect(throws: VideoError.self) { try prompt([0x61, 0xFF, 0xFE]) }
        #expect(broken?.message == "the prompt on standard input is not valid UTF-8")
        let zero = #expect(throws: VideoError.self) { try prompt([0x61, 0, 0x62]) }
        #expect(zero?.message == "the prompt contains a zero byte")
    }

    @Test func `ten megabytes are refused without being read`() throws {
        let folder = try TemporaryFolder()
        try Data(repeating: 0x61, count: 10 << 20).write(to: URL(fileURLWithPath: folder.file("prompt")))
        let file = try #require(FileHandle(forReadingAtPath: folder.file("prompt")))
        let descriptor = file.fileDescriptor
        let error = #expect(throws: VideoError.self) { try StandardInput(descriptor: descriptor).prompt() }
        #expect(error?.message == "the prompt on standard input has more than 65536 bytes")
        #expect(lseek(descriptor, 0, SEEK_CUR) < 200_000)
    }
}

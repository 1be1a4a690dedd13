import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import JobStore

@Suite(.bounded) struct StateFolderTests {
    @Test func `file systems that reach over a network are told by their numbers`() {
        // statfs(2): NFS, SMB 2, FUSE, 9P; ext4, btrfs, XFS, tmpfs, overlayfs, ZFS.
        let network: [UInt32] = [0x6969, 0xFE53_4D42, 0x6573_5546, 0x0102_1997]
        let local: [UInt32] = [0xEF53, 0x9123_683E, 0x5846_5342, 0x0102_1994, 0x794C_7630, 0x2FC1_2FC1]
        #expect(network.allSatisfy { FileSystemKind.networkName(magic: $0) != nil })
        #expect(local.allSatisfy { FileSystemKind.networkName(magic: $0) == nil })
    }

    @Test func `a folder that cannot be made or used is an error that names it`() throws {
        let folder = try TemporaryFolder()
        try Data().write(to: URL(fileURLWithPath: folder.file("file")))
        for path in [folder.file("file"), folder.file("file/state"), "/proc/state", ""] {
            let error = #expect(throws: StoreError.self) { try JobStore(folder: path) }
            #expect(error?.videoError.code == .stateUnusable, "\(path)")
        }
    }

    @Test func `a link to the state folder is followed, one inside is not`() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.file("real"), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"), withDestinationPath: folder.file("real"))
        #expect(try JobStore(folder: folder.file("link")).queue().isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("real")).contains("jobs.db"))
        for name in ["outputs", "jobs.db", "lock"] {
            let state = folder.file("state-\(name)")
            try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: state + "/" + name, withDestinationPath: folder.file("real/\(name)"))
            #expect(throws: StoreError.self) { try JobStore(folder: state) }
        }
    }

    @Test func `a fail point is a name, or a name and a count`() {
        #expect(FailPoint.parse("mid_encode").map { $0.point == .midEncode && $0.count == 1 } == true)
        #expect(FailPoint.parse("after_commit:3").map { $0.point == .afterCommit && $0.count == 3 } == true)
        for text in ["", ":", "encode", "mid_encode:", "mid_encode:0", "mid_encode:x", "mid_encode:1:2"] {
            #expect(FailPoint.parse(text) == nil)
        }
    }
}

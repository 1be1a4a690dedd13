import Foundation
import JobStore
import TestSupport
import TestTools
import Testing
import VideoTypes
import journal_child

/// A service whose disk is full.
@Suite(.bounded, .needsSmallDisk) struct FullDiskTests {
    @Test func `on a full disk nothing new is begun, and what ends is written down`() throws {
        let disk = try SmallDisk(kibibytes: 80 << 10)
        let store = try JobStore(folder: disk.folder.file("state"), clock: TestClock().storeClock)
        let jobs = try (0..<200).map { _ in
            guard case .created(let job) = try store.submit(.sample(), owner: nil) else { throw TestFailure("") }
            return job.id
        }
        let claim = try #require(try store.claim(leaseSeconds: 60))
        try disk.fill()
        let error = #expect(throws: StoreError.self) {
            while true { _ = try store.submit(.sample(String(repeating: "long ", count: 1000)), owner: nil) }
        }
        #expect(error == .diskFull && error?.videoError.code == .diskFull)
        #expect(try store.outputs.freeBytes() < 1 << 20)
        #expect(try store.fail(claim, VideoError(.diskFull, "no room"), mayRetry: false))
        for id in jobs.dropFirst() { #expect(try store.cancel(id) != nil) }
        #expect(try store.counts().jobs[.failed] == 200)
        // The ballast was given up for it.
        #expect(try store.outputs.freeBytes() > 8 << 20)
    }

    @Test func `a disk without names for more files has no room`() throws {
        let disk = try SmallDisk(kibibytes: 80 << 10, names: 40)
        let store = try JobStore(folder: disk.folder.file("state"))
        #expect(try store.outputs.freeBytes() > 8 << 20)
        for number in 0..<40 {
            guard FileManager.default.createFile(atPath: disk.folder.file("\(number)"), contents: nil) else { break }
        }
        #expect(try store.outputs.freeBytes() == 0)
    }

    @Test func `a service starts on a full disk`() throws {
        let disk = try SmallDisk(kibibytes: 80 << 10)
        let state = disk.folder.file("state")
        _ = try JobStore(folder: state).submit(.sample(), owner: nil)
        try disk.fill()
        let store = try JobStore(folder: state)
        _ = try store.recover()
        let job = try #require(try store.queue().first)
        #expect(try store.cancel(job.id) != nil)
    }
}

import FoundationEssentials
import JobStore
import TestSupport
import TestTools
import Testing
import VideoTypes
import journal_child

/// Pictures that jobs are made from: on the disk before the job is in the journal, and gone with it.
@Suite(.bounded) struct InputTests {
    private static let images = [
        ReferenceImage(bytes: [1, 2, 3], format: .png), ReferenceImage(bytes: [4], format: .jpeg, role: .last),
    ]

    private static func submit(_ test: TestStore, _ prompt: String = "x") throws -> Job {
        guard case .created(let job) = try test.store.submit(.sample(prompt), pictures: images, owner: nil) else {
            throw TestFailure("not created")
        }
        return job
    }

    private static func names(_ jobs: Job...) -> [String] {
        jobs.flatMap { ["\($0.id).first", "\($0.id).last"] }.sorted()
    }

    @Test func `they lie under the job's name, whole and for their owner alone`() throws {
        let test = try TestStore()
        let job = try Self.submit(test)
        #expect(try test.files("inputs") == Self.names(job))
        let path = test.store.outputs.inputPath(job.id, .first)
        #expect(try Data(contentsOf: URL(filePath: path)) == Data([1, 2, 3]))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
    }

    @Test func `they go with the job, and when it is cancelled`() throws {
        let test = try TestStore()
        let (deleted, cancelled, kept) = try (
            Self.submit(test, "a"), Self.submit(test, "b"), Self.submit(test, "c")
        )
        _ = try test.store.delete(deleted.id)
        _ = try test.store.cancel(cancelled.id)
        #expect(try test.files("inputs") == Self.names(kept))
    }

    @Test func `clearing away leaves those of jobs that wait, run or have their clip, and what is not ours`() throws {
        let test = try TestStore()
        let done = try Self.submit(test, "a")
        let claim = try test.claim()
        try test.write(for: claim)
        _ = try test.store.complete(claim, .sample())
        let running = try Self.submit(test, "b")
        _ = try test.claim()
        let waiting = try Self.submit(test, "c")
        let folder = test.folder.file("state/inputs/")
        for name in ["notes.txt", "\(JobID()).first", "\(JobID()).first.12ab.part"] {
            try Data([9]).write(to: URL(filePath: folder + name))
        }
        _ = try test.store.sweep()
        #expect(try test.files("inputs") == (Self.names(done, running, waiting) + ["notes.txt"]).sorted())
        _ = try test.store.recover()
        #expect(try test.files("inputs") == (Self.names(done, running, waiting) + ["notes.txt"]).sorted())
        _ = try test.store.cancel(waiting.id)
        test.clock.pass(seconds: 2 * 86400)
        #expect(try test.store.sweep().expired == [done.id])
        _ = try test.store.sweep()
        #expect(try test.files("inputs") == (Self.names(running) + ["notes.txt"]).sorted())
    }

    @Test func `they count in the quota with their clip`() throws {
        let test = try TestStore()
        let jobs = try ["a", "b"].map { prompt in
            test.clock.pass(seconds: 1)
            let job = try Self.submit(test, prompt)
            let claim = try test.claim()
            try test.write(for: claim)
            _ = try test.store.complete(claim, .sample())
            return job
        }
        let clips = try test.store.counts().outputBytes
        #expect(clips > 0)
        // Four bytes of pictures each.
        #expect(try test.store.sweep(quotaBytes: clips + 8).evicted.isEmpty)
        #expect(try test.store.sweep(quotaBytes: clips + 7).evicted == [jobs[0].id])
        #expect(try test.files("inputs") == Self.names(jobs[1]))
    }
}

import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes
import journal_child

@testable import JobStore

/// What a start finds and puts right; the store before it is gone, as after a crash.
@Suite(.bounded) struct RecoveryTests {
    private let folder: TemporaryFolder
    private let clock = TestClock()

    init() throws { folder = try TemporaryFolder() }

    /// One life of the service.
    private func life<T>(_ body: (TestStore) throws -> T) throws -> T { try body(TestStore(folder, clock)) }

    private func file(_ name: String) -> URL { URL(filePath: folder.file("state/" + name)) }

    @Test func `running jobs wait again, until they have crashed three times`() throws {
        let job = try life { try $0.submit() }
        for attempt in 1...2 {
            let claim = try life { try $0.claim() }
            #expect(claim.attempt == attempt)
            try life { (test: TestStore) throws in
                let recovery = try test.store.recover()
                #expect(recovery.requeued == [job.id] && recovery.crashedForGood.isEmpty)
                #expect(try test.store.renew(claim, leaseSeconds: 60) == false)
            }
        }
        _ = try life { try $0.claim() }
        try life { (test: TestStore) throws in
            #expect(try test.store.recover().crashedForGood == [job.id])
            #expect(try test.state(job.id).error?.code == .workerCrashed)
            #expect(try test.store.recover() == Recovery())
        }
    }

    @Test func `finished clips that are gone or changed are told as lost`() throws {
        let jobs = try life { (test: TestStore) throws in
            try (0..<4).map { try test.completed(bytes: 100 + $0, order: .sample(webhook: "https://example.org")) }
        }
        try FileManager.default.removeItem(at: file("outputs/\(jobs[0].id).mp4"))
        try Data("short".utf8).write(to: file("outputs/\(jobs[1].id).mp4"))
        try Data(repeating: 8, count: 102).write(to: file("outputs/\(jobs[2].id).mp4"))
        try life { (test: TestStore) throws in
            let recovery = try test.store.recover()
            #expect(recovery.lost == jobs.prefix(2).map(\.id) && recovery.quarantined == [jobs[1].id])
            // Of the right size: found out when somebody asks for it.
            #expect(try test.store.settled(jobs[2]).state == .completed && test.store.clip(of: jobs[2]) == .lost)
            #expect(try test.store.settled(jobs[2]).error?.code == .outputLost)
            for job in jobs.prefix(3) {
                let lost = try test.state(job.id)
                #expect(lost.state == .failed && lost.error?.code == .outputLost && lost.output == nil)
                #expect(try test.store.events(of: job.id, after: 0).last?.kind == .failed)
            }
            #expect(try test.state(jobs[3].id) == jobs[3])
            #expect(try test.files("outputs") == ["\(jobs[3].id).mp4"])
            // Kept: somebody may want to see what it is.
            #expect(try test.files("quarantine").count == 2)
            #expect(try test.store.recover() == Recovery())
        }
    }

    @Test func `files of no job stay, leftovers of attempts are removed`() throws {
        let (waiting, gone) = try life { (test: TestStore) throws in
            let gone = try test.submit()
            let claim = try test.claim()
            try test.write(for: claim)
            for job in [gone, try test.submit()] {
                try Data([1]).write(to: URL(filePath: test.store.outputs.checkpointPath(job.id)))
            }
            return (try #require(try test.store.queue().first).id, gone.id)
        }
        let stranger = JobID()
        for name in ["outputs/\(stranger).mp4", "outputs/notes.txt", "outputs/\(waiting).mp4", "checkpoints/x"] {
            try Data([1]).write(to: file(name))
        }
        try life { (test: TestStore) throws in
            _ = try test.store.cancel(gone)
            #expect(try test.store.recover().quarantined.isEmpty)
            #expect(try test.files("outputs") == ["notes.txt", "\(stranger).mp4"] && test.files("parts").isEmpty)
            #expect(try test.files("checkpoints") == ["\(waiting)", "x"] && test.files("quarantine").isEmpty)
        }
    }

    @Test func `links and folders under the names of clips are not followed`() throws {
        let (job, claim) = try life { (test: TestStore) throws in
            let job = try test.submit()
            return (job, try test.claim())
        }
        try Data("secret".utf8).write(to: URL(filePath: folder.file("secret")))
        let part = "state/parts/\(job.id).1.part.mp4"
        try FileManager.default.createSymbolicLink(
            atPath: folder.file(part), withDestinationPath: folder.file("secret"))
        try life { (test: TestStore) throws in
            #expect(throws: StoreError.self) { try test.store.complete(claim, .sample()) }
            #expect(try test.state(job.id).state == .inProgress)
            try FileManager.default.createSymbolicLink(
                atPath: folder.file("state/outputs/\(job.id).mp4"), withDestinationPath: folder.file("secret"))
            #expect(try test.store.outputs.open(job.id) == nil)
            _ = try test.store.recover()
            #expect(try Data(contentsOf: URL(filePath: folder.file("secret"))) == Data("secret".utf8))
        }
    }

    @Test func `a folder has one service at a time`() throws {
        let first = try JobStore(folder: folder.file("state"))
        let error = #expect(throws: StoreError.self) { try JobStore(folder: folder.file("state")) }
        guard case .inUse(let found) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(found.hasSuffix("/state"))
        #expect(error?.videoError.code == .stateUnusable)
        withExtendedLifetime(first) {}
    }

    @Test func `the folder and its files are for their owner alone`() throws {
        let job = try life { try $0.completed() }
        for name in ["", "/outputs", "/parts", "/checkpoints", "/quarantine"] {
            #expect(try permissions("state" + name) == 0o700, "\(name)")
        }
        for name in ["jobs.db", "lock", "outputs/\(job.id).mp4"] {
            #expect(try permissions("state/" + name) == 0o600, "\(name)")
        }
    }

    private func permissions(_ name: String) throws -> Int? {
        let found = try FileManager.default.attributesOfItem(atPath: folder.file(name))[.posixPermissions]
        return (found as? NSNumber)?.intValue
    }

    @Test func `10,000 waiting jobs are there again in a moment`() throws {
        let count = 10_000
        let clock = ContinuousClock()
        let folder = try TemporaryFolder(inMemory: true)
        func life(_ body: (TestStore) throws -> Void) throws { try body(TestStore(folder, self.clock)) }
        try life { (test: TestStore) throws in
            for number in 0..<count { try test.submit(.sample("clip \(number)"), owner: "key \(number % 7)") }
        }
        try life { (test: TestStore) throws in
            let recovery = try clock.measure { _ = try test.store.recover() }
            let queue = try clock.measure { _ = try test.store.queue() }
            #expect(try test.store.queue().count == count)
            let claim = try clock.measure { _ = try test.claim() }
            print("10,000 jobs: recovered in \(recovery), claimed in \(claim), queue read in \(queue)")
        }
        print("10,000 jobs: opened in \(try clock.measure { try life { _ in } })")
    }
}

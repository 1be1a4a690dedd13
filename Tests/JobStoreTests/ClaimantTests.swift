import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes
import journal_child

@testable import JobStore

/// Whose a claim is, and by which time it ends.
@Suite(.bounded) struct ClaimantTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// As somebody with another program would.
    private func change(_ sql: String) throws {
        let python = try #require(Subprocess.find("python3"))
        let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit()"
        let change = try Subprocess(python, ["-c", script, folder.file("state/jobs.db"), sql])
        #expect(change.status == 0, "\(change.errors)")
    }

    private func life<T>(_ clock: TestClock = TestClock(), _ body: (TestStore) throws -> T) throws -> T {
        try body(TestStore(folder, clock))
    }

    @Test func `a start takes back its own claims, and leaves another service's until their lease is over`() throws {
        let (own, foreign) = try life { (test: TestStore) throws in
            let jobs = (try test.submit(), try test.submit())
            _ = try test.claim()
            _ = try test.claim()
            return jobs
        }
        try change("update job set claimant = 'somebody else' where id = '\(foreign.id)'")
        try life { (test: TestStore) throws in
            #expect(try test.store.recover().requeued == [own.id])
            #expect(try test.state(foreign.id).state == .inProgress)
            test.clock.pass(seconds: 59)
            #expect(try test.store.expireLeases().isEmpty)
            test.clock.pass(seconds: 2)
            #expect(try test.store.expireLeases().map(\.job.id) == [foreign.id])
        }
    }

    @Test func `the name of a service goes where its folder goes`() throws {
        let first = try life { $0.store.claimant }
        #expect(try life { $0.store.claimant } == first)
        try FileManager.default.moveItem(atPath: folder.file("state"), toPath: folder.file("other"))
        #expect(try JobStore(folder: folder.file("other")).claimant == first)
        #expect(try life { $0.store.claimant } != first)
    }

    @Test(arguments: [-900, 0, 1_000_000])
    func `leases are told in the journal's time, whatever the clock of the machine says at the next start`(
        bootSeconds: Int
    ) throws {
        let job = try life { (test: TestStore) throws in
            test.clock.pass(seconds: 5000)
            let job = try test.submit()
            _ = try test.claim()
            return job
        }
        try change("update job set claimant = 'somebody else'")
        let clock = TestClock()
        clock.pass(seconds: bootSeconds)
        try life(clock) { (test: TestStore) throws in
            #expect(try test.store.expireLeases().isEmpty)
            test.clock.pass(seconds: 59)
            #expect(try test.store.expireLeases().isEmpty)
            test.clock.pass(seconds: 2)
            #expect(try test.store.expireLeases().map(\.job.id) == [job.id])
        }
    }

    @Test func `who is behind the journal's time catches up with it`() throws {
        try life { (test: TestStore) throws in
            let behind = JournalTime(test.clock.storeClock, passed: 0)
            try test.store.write { (changes) throws(StoreError) in
                try changes.connection.run("UPDATE passed SET seconds = 500")
                #expect(try behind.now(changes.connection) == 500)
            }
            test.clock.pass(seconds: 7)
            #expect(behind.mine == 507)
        }
    }

    @Test func `a time that is gone or none begins anew`() throws {
        for damage in ["delete from passed", "update passed set seconds = -1", "update passed set seconds = 9e999"] {
            let job = try life { try $0.submit() }
            try change(damage)
            try life { (test: TestStore) throws in
                _ = try test.claim()
                test.clock.pass(seconds: 61)
                #expect(try test.store.expireLeases().map(\.job.id) == [job.id])
                _ = try test.store.cancel(job.id)
            }
        }
    }

    @Test func `a journal of version 1 is brought to this one with all that is in it`() throws {
        let (done, running, waiting) = try life { (test: TestStore) throws in
            let done = try test.completed()
            let rest = (try test.submit(), try test.submit())
            _ = try test.claim()
            return (done, rest.0, rest.1)
        }
        try change("alter table job drop column claimant; drop table passed; pragma user_version = 1;")
        for _ in 0..<2 {
            try life { (test: TestStore) throws in
                let recovery = try test.store.recover()
                if !recovery.requeued.isEmpty { #expect(recovery.requeued == [running.id]) }
                #expect(try test.state(done.id) == done)
                #expect(try test.state(running.id).state == .queued && test.state(waiting.id).state == .queued)
            }
        }
        try life { (test: TestStore) throws in #expect(try test.claim().job.id == running.id) }
    }
}

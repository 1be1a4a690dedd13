import JobStore
import TestTools
import Testing
import VideoTypes
import journal_child

@Suite(.bounded) struct SubmissionTests {
    private let test: TestStore

    init() throws { test = try TestStore() }

    private func submit(
        _ prompt: String = "a", owner: String? = nil, key: String? = nil, isRetry: Bool = false
    ) throws -> Submission {
        try test.store.submit(.sample(prompt), owner: owner, idempotencyKey: key, isRetry: isRetry)
    }

    private func created(_ submission: Submission) throws -> Job {
        guard case .created(let job) = submission else { throw TestFailure("\(submission)") }
        return job
    }

    @Test func `a key stands for one job for a day`() throws {
        let job = try created(try submit(key: "k"))
        #expect(try submit(key: "k") == .existing(job))
        #expect(try submit("b", key: "k") == .keyReused)
        #expect(try created(try submit(owner: "other", key: "k")).id != job.id)
        #expect(try created(try submit(key: "l")).id != job.id)
        test.clock.pass(seconds: 86399)
        #expect(try submit(key: "k") == .existing(job))
        test.clock.pass(seconds: 1)
        let next = try created(try submit("b", key: "k"))
        #expect(try submit("b", key: "k") == .existing(next))
    }

    @Test func `a key answers with the job as it is now, and not with one that was deleted`() throws {
        let job = try created(try submit(key: "k"))
        let claim = try test.claim()
        #expect(try submit(key: "k") == .existing(claim.job))
        _ = try test.store.delete(job.id)
        #expect(try created(try submit(key: "k")).id != job.id)
    }

    @Test func `who tries again within ten minutes gets the first try's job`() throws {
        let job = try created(try submit())
        let twin = try created(try submit())
        #expect(twin.id != job.id)
        #expect(try submit(isRetry: true) == .existing(twin))
        #expect(try created(try submit("b", isRetry: true)).order.requestHash == "b")
        _ = try created(try submit(owner: "other", isRetry: true))
        test.clock.pass(seconds: 599)
        #expect(try submit(isRetry: true) == .existing(twin))
        test.clock.pass(seconds: 1)
        _ = try created(try submit(isRetry: true))
    }

    @Test func `a key goes before the mark of a retry`() throws {
        let job = try created(try submit())
        #expect(try created(try submit(key: "k", isRetry: true)).id != job.id)
    }

    @Test func `only new jobs are asked for admission`() throws {
        let job = try created(try submit(key: "k"))
        var seen: [[JobID]] = []
        let refuse = { (queue: [QueuedJob]) in
            seen.append(queue.map(\.id))
            return false
        }
        #expect(try test.store.submit(.sample("b"), owner: nil, idempotencyKey: "l", admit: refuse) == .refused)
        #expect(try test.store.submit(.sample("a"), owner: nil, idempotencyKey: "k", admit: refuse) == .existing(job))
        #expect(seen == [[job.id]])
        #expect(try test.store.queue().count == 1)
        // A refusal is not held against the key.
        #expect(try created(try submit("c", key: "l")).order.requestHash == "c")
    }

    @Test func `jobs are shown to their owners alone`() throws {
        let job = try created(try submit(owner: "one"))
        #expect(try test.store.job(job.id, owner: "one") == job)
        #expect(try test.store.job(job.id, owner: "two") == nil)
        #expect(try test.store.job(job.id, owner: nil) == nil)
        #expect(try test.store.job(job.id) == job)
    }
}

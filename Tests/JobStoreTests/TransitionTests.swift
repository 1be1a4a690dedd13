import JobStore
import TestTools
import Testing
import VideoTypes
import journal_child

/// What workers may say when, and what becomes of the job.
@Suite(.bounded) struct TransitionTests {
    /// How a job stands when a worker speaks who claimed it once.
    enum Situation: CaseIterable {
        case running, leaseOver, requeued, claimedAgain, completed, failed, cancelled, deleted
    }

    enum Word: CaseIterable {
        case renew, record, complete, failForGood, failForNow, crash, handBack
    }

    /// The state after a word that is heard.
    private static let results: [Word: Job.State] = [
        .renew: .inProgress, .record: .inProgress, .complete: .completed, .failForGood: .failed, .failForNow: .queued,
        .crash: .queued, .handBack: .queued,
    ]

    @Test(arguments: Situation.allCases, Word.allCases)
    func `a word is heard if its claim is good, and changes nothing if not`(
        situation: Situation, word: Word
    ) throws {
        let test = try TestStore()
        let job = try test.submit()
        let claim = try test.claim()
        try test.write(for: claim)
        try arrange(situation, test, claim)
        let before = try test.store.job(job.id)
        let events = try test.store.events(of: job.id, after: 0)
        let isHeard = try say(word, test.store, claim)
        // A lease that is over binds nobody until somebody acts on it.
        #expect(isHeard == (situation == .running || situation == .leaseOver))
        if isHeard {
            #expect(try test.state(job.id).state == Self.results[word])
        } else {
            #expect(try test.store.job(job.id) == before)
            #expect(try test.store.events(of: job.id, after: 0) == events)
        }
        let hasFile = try test.store.job(job.id)?.state == .completed
        #expect(try test.files("outputs") == (hasFile ? ["\(job.id).mp4"] : []))
    }

    private func arrange(_ situation: Situation, _ test: TestStore, _ claim: Claim) throws {
        let store = test.store
        switch situation {
        case .running: break
        case .leaseOver: test.clock.pass(seconds: 61)
        case .requeued: #expect(try store.release(claim, countsAttempt: false))
        case .claimedAgain:
            #expect(try store.release(claim, countsAttempt: false))
            #expect(try test.claim().attempt == 2)
        case .completed: #expect(try store.complete(claim, .sample()))
        case .failed: #expect(try store.fail(claim, VideoError(.outOfMemory, "too large"), mayRetry: false))
        case .cancelled: #expect(try store.cancel(claim.job.id) != nil)
        case .deleted: #expect(try store.delete(claim.job.id) != nil)
        }
    }

    private func say(_ word: Word, _ store: JobStore, _ claim: Claim) throws -> Bool {
        switch word {
        case .renew: try store.renew(claim, leaseSeconds: 60)
        case .record: try store.record(claim, VideoProgress(stage: .decode, completed: 1, total: 5))
        case .complete: try store.complete(claim, .sample())
        case .failForGood: try store.fail(claim, VideoError(.deviceLost, "gone"), mayRetry: false)
        case .failForNow: try store.fail(claim, VideoError(.deviceLost, "gone"), mayRetry: true)
        case .crash: try store.release(claim, countsAttempt: true)
        case .handBack: try store.release(claim, countsAttempt: false)
        }
    }

    @Test func `a job goes from the queue over a worker to a file`() throws {
        let test = try TestStore()
        let job = try test.submit()
        #expect(try test.store.job(job.id) == job)
        #expect(try test.store.queue().map(\.id) == [job.id])
        test.clock.pass(seconds: 5)
        let claim = try test.claim()
        #expect(claim.job.state == .inProgress && claim.attempt == 1)
        #expect(claim.job.startedAt == job.createdAt + 5)
        #expect(try test.store.queue().isEmpty)
        #expect(try test.store.running().map(\.id) == [job.id])
        #expect(try test.store.record(claim, VideoProgress(stage: .denoise, completed: 3, total: 16)))
        #expect(try test.state(job.id).progress == VideoProgress(stage: .denoise, completed: 3, total: 16))
        try test.write(Array("abc".utf8), for: claim)
        #expect(try test.store.complete(claim, .sample()))
        let done = try test.state(job.id)
        #expect(done.state == .completed && done.report == .sample() && done.order == .sample())
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(done.output == OutputFacts(byteCount: 3, sha256: digest))
        #expect(done.expiresAt == done.finishedAt.map { $0 + 86400 })
        #expect(try test.files("parts").isEmpty)
    }

    @Test func `the events tell the whole story in order`() throws {
        let test = try TestStore()
        let job = try test.submit()
        _ = try test.store.release(try test.claim(), countsAttempt: true)
        let claim = try test.claim()
        _ = try test.store.record(claim, VideoProgress(stage: .denoise, completed: 3, total: 16))
        _ = try test.store.fail(claim, VideoError(.outOfMemory, "a \"quote\""), mayRetry: false)
        let events = try test.store.events(of: job.id, after: 0)
        #expect(
            events.map { "\($0.kind) \($0.text)" } == [
                #"status {"status": "queued", "attempt": 0}"#, #"status {"status": "in_progress", "attempt": 1}"#,
                #"status {"status": "queued", "attempt": 1}"#, #"status {"status": "in_progress", "attempt": 2}"#,
                #"progress {"stage": "denoise", "completed": 3, "total": 16}"#,
                #"failed {"status": "failed", "error": {"code": "out_of_memory", "message": "a \"quote\""}}"#,
            ])
        #expect(events.map(\.number) == events.map(\.number).sorted() && events.allSatisfy { $0.job == job.id })
        #expect(try test.store.events(of: job.id, after: events[3].number).map(\.kind) == [.progress, .failed])
        let other = try test.submit()
        #expect(try test.store.events(after: events[4].number).map(\.job) == [job.id, other.id])
        #expect(test.store.lastEvent == events[5].number + 1)
    }

    @Test func `three attempts that count are all that a job gets`() throws {
        let test = try TestStore()
        let job = try test.submit()
        // Handed back for other reasons: costs nothing.
        for _ in 0..<5 { #expect(try test.store.release(try test.claim(), countsAttempt: false)) }
        #expect(try test.store.release(try test.claim(), countsAttempt: true))
        #expect(try test.store.fail(try test.claim(), VideoError(.deviceLost, "gone"), mayRetry: true))
        #expect(try test.state(job.id).state == .queued)
        let last = try test.claim()
        #expect(last.attempt == 8)
        #expect(try test.store.release(last, countsAttempt: true))
        let dead = try test.state(job.id)
        #expect(dead.state == .failed && dead.error?.code == .workerCrashed && dead.finishedAt != nil)
    }

    @Test func `a failure that may pass is the job's end at its third attempt`() throws {
        let test = try TestStore()
        let job = try test.submit()
        let error = VideoError(.deviceLost, "gone")
        for _ in 0..<3 { #expect(try test.store.fail(try test.claim(), error, mayRetry: true)) }
        #expect(try test.state(job.id).error == error)
    }

    @Test func `a lease is over by the clock that nobody sets`() throws {
        let test = try TestStore()
        let job = try test.submit()
        let claim = try test.claim()
        test.clock.step(seconds: 1_000_000)
        #expect(try test.store.expireLeases().isEmpty)
        test.clock.pass(seconds: 40)
        #expect(try test.store.renew(claim, leaseSeconds: 60))
        test.clock.step(seconds: -2_000_000)
        test.clock.pass(seconds: 59)
        #expect(try test.store.expireLeases().isEmpty)
        test.clock.pass(seconds: 2)
        #expect(try test.store.expireLeases().map(\.job.id) == [job.id])
        #expect(try test.store.renew(claim, leaseSeconds: 60) == false)
        #expect(try test.state(job.id).state == .queued)
        // The same without a word in between.
        _ = try test.claim()
        test.clock.step(seconds: -1_000_000)
        test.clock.pass(seconds: 61)
        #expect(try test.store.expireLeases().count == 1)
    }

    @Test func `cancelling ends what is not ended`() throws {
        let test = try TestStore()
        let queued = try test.submit()
        guard case .cancelled(let job, runningAttempt: nil) = try test.store.cancel(queued.id) else {
            return #expect(Bool(false), "not cancelled")
        }
        #expect(job.state == .failed && job.error?.code == .cancelled && job.finishedAt != nil)
        #expect(try test.store.cancel(queued.id) == .alreadyFinal(job))
        #expect(try test.store.queue().isEmpty)
        let running = try test.submit()
        _ = try test.claim()
        guard case .cancelled(_, runningAttempt: 1) = try test.store.cancel(running.id) else {
            return #expect(Bool(false), "not cancelled")
        }
        #expect(try test.store.cancel(JobID()) == nil)
    }

    @Test func `a deleted job leaves nothing behind`() throws {
        let test = try TestStore()
        let job = try test.completed(order: .sample(webhook: "https://example.org/hook"))
        #expect(try test.store.delete(job.id) == job)
        #expect(try test.store.job(job.id) == nil && test.store.delete(job.id) == nil)
        #expect(try test.store.events(of: job.id, after: 0).isEmpty)
        #expect(try test.store.dueDeliveries(limit: 10).isEmpty)
        #expect(try test.files("outputs").isEmpty)
        let next = try test.submit()
        #expect(next.number > job.number)
        #expect(try test.store.delete(next.id)?.state == .queued)
        #expect(try test.store.queue().isEmpty)
    }

    @Test func `a clip that is not there cannot be finished`() throws {
        let test = try TestStore()
        let job = try test.submit()
        let claim = try test.claim()
        #expect(throws: StoreError.outputMissing(job.id)) { try test.store.complete(claim, .sample()) }
        #expect(try test.state(job.id).state == .inProgress)
        try test.write(for: claim)
        #expect(try test.store.complete(claim, .sample()))
    }
}

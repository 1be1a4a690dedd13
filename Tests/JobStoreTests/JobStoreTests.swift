import FoundationEssentials
import JobStore
import Testing
import VideoTypes

@Suite struct JobStoreTests {
    @Test func `a job goes from the queue over a worker to a file`() throws {
        let test = try TestStore()
        let job = try test.submit()
        #expect(try test.store.job(job.id) == job)
        #expect(try test.store.queue().map(\.id) == [job.id])
        let claim = try test.claim()
        #expect(claim.job.state == .inProgress && claim.attempt == 1 && claim.job.startedAt != nil)
        #expect(try test.store.queue().isEmpty)
        #expect(try test.store.record(claim, VideoProgress(stage: .denoise, completed: 3, total: 16)))
        #expect(try test.state(job.id).progress == VideoProgress(stage: .denoise, completed: 3, total: 16))
        try test.write(for: claim)
        #expect(try test.store.complete(claim, .sample()))
        let done = try test.state(job.id)
        #expect(done.state == .completed && done.report == .sample())
        #expect(done.output?.byteCount == 4)
        #expect(done.expiresAt == done.finishedAt.map { $0 + 86400 })
        #expect(try test.files("outputs") == ["\(job.id).mp4"])
        #expect(try test.files("parts").isEmpty)
        let kinds = try test.store.events(of: job.id, after: 0).map(\.kind)
        #expect(kinds == [.status, .status, .progress, .completed])
    }
}

import Foundation
import JobStore
import TestTools
import Testing
import VideoTypes
import journal_child

@Suite(.bounded) struct CompletionTests {
    private let test: TestStore

    init() throws { test = try TestStore() }

    private func output(_ id: JobID) -> String { test.store.outputs.path(id) }

    /// A completion that fails when the clip shall get its name.
    private func interrupted() throws -> Claim {
        try test.submit()
        let claim = try test.claim()
        try test.write(for: claim)
        try FileManager.default.createDirectory(atPath: output(claim.job.id), withIntermediateDirectories: true)
        #expect(throws: StoreError.self) { try test.store.complete(claim, .sample()) }
        try FileManager.default.removeItem(atPath: output(claim.job.id))
        let job = try test.state(claim.job.id)
        #expect(job.state == .inProgress && job.output == nil && job.report == nil)
        return claim
    }

    @Test func `a completion that failed can be repeated`() throws {
        let claim = try interrupted()
        #expect(try test.store.complete(claim, .sample()))
        #expect(try test.state(claim.job.id).output?.byteCount == 4)
    }

    @Test func `a completion whose file has its name already is only written down`() throws {
        let claim = try interrupted()
        try FileManager.default.moveItem(
            atPath: test.store.outputs.partPath(claim), toPath: output(claim.job.id))
        #expect(try test.store.complete(claim, .sample()))
        #expect(try test.state(claim.job.id).output?.byteCount == 4)
        #expect(try test.files("outputs") == ["\(claim.job.id).mp4"])
    }

    @Test func `another file under the name does not pass for the clip`() throws {
        let claim = try interrupted()
        try FileManager.default.removeItem(atPath: test.store.outputs.partPath(claim))
        try Data("clap".utf8).write(to: URL(fileURLWithPath: output(claim.job.id)))
        #expect(throws: StoreError.outputMissing(claim.job.id)) { try test.store.complete(claim, .sample()) }
        // Nor stays there when the attempt is over.
        #expect(try test.store.fail(claim, VideoError(.outputFailed, "gone"), mayRetry: true))
        #expect(try test.files("outputs").isEmpty)
    }

    @Test func `a retry forgets what the attempt before it had noted`() throws {
        let claim = try interrupted()
        #expect(try test.store.release(claim, countsAttempt: true))
        let next = try test.claim()
        #expect(throws: StoreError.outputMissing(next.job.id)) { try test.store.complete(next, .sample()) }
    }
}

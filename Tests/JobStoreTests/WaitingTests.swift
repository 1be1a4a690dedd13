import Foundation
import JobStore
import TestTools
import Testing
import VideoTypes
import journal_child

@Suite(.bounded) struct WaitingTests {
    private let test: TestStore

    init() throws { test = try TestStore() }

    /// Runs on a thread of its own, as a server's handler would.
    private func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result(catching: body)) }.start()
        }
    }

    @Test func `who waits is woken by the next event of the job`() async throws {
        let store = test.store
        let job = try test.submit()
        let seen = store.lastEvent
        let waiter = Task { try await onThread { try store.waitForEvents(of: job.id, after: seen, seconds: 60) } }
        try test.submit()
        let claim = try test.claim()
        let events = try await waiter.value
        #expect(claim.job.id == job.id && events.map(\.kind) == [.status])
        #expect(try store.waitForEvents(of: job.id, after: seen, seconds: 60) == events)
    }

    @Test func `waiting has an end`() async throws {
        let job = try test.submit()
        let last = test.store.lastEvent
        #expect(try test.store.waitForEvents(of: job.id, after: last, seconds: 0.05).isEmpty)
        #expect(test.store.wait(after: last, seconds: 0.05) == last)
        for seconds in [0.0, -1, .nan, -1e300] {
            #expect(test.store.wait(after: last, seconds: seconds) == last)
        }
        #expect(try test.store.waitForEvents(of: JobID(), after: 0, seconds: Double.infinity).isEmpty)
    }

    @Test func `nobody waits for a job that is deleted`() async throws {
        let store = test.store
        let job = try test.submit()
        let last = store.lastEvent
        let waiter = Task { try await onThread { try store.waitForEvents(of: job.id, after: last, seconds: 60) } }
        _ = try store.delete(job.id)
        #expect(try await waiter.value.isEmpty)
    }

    @Test func `a shutdown wakes all who wait`() async throws {
        let store = test.store
        let job = try test.submit()
        let last = store.lastEvent
        let one = Task { try await onThread { try store.waitForEvents(of: job.id, after: last, seconds: 60) } }
        let other = Task { try await onThread { store.wait(after: last, seconds: 60) } }
        store.endWaiting()
        #expect(try await one.value.isEmpty)
        #expect(try await other.value == last)
    }

    @Test func `no event is missed by one who reads on and on`() async throws {
        let store = test.store
        let job = try test.submit()
        let reader = Task {
            try await onThread {
                var seen: [JobEvent] = []
                while seen.last?.kind != .failed {
                    seen += try store.waitForEvents(of: job.id, after: seen.last?.number ?? 0, seconds: 60)
                }
                return seen
            }
        }
        let claim = try test.claim()
        for step in 1...50 { _ = try store.record(claim, VideoProgress(stage: .denoise, completed: step, total: 50)) }
        _ = try store.cancel(job.id)
        let seen = try await reader.value
        #expect(seen.count == 53)
        #expect(seen == (try store.events(of: job.id, after: 0)))
    }
}

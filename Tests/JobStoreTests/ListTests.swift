import TestTools
import Testing
import VideoTypes
import journal_child

@testable import JobStore

@Suite(.bounded) struct ListTests {
    private let test: TestStore

    init() throws { test = try TestStore() }

    private func pages(_ limit: Int, ascending: Bool, owner: String? = nil) throws -> [JobID] {
        var found: [JobID] = []
        while true {
            let page = try #require(
                try test.store.page(owner: owner, after: found.last, limit: limit, ascending: ascending))
            found += page.jobs.map(\.id)
            #expect(page.jobs.count <= limit && (page.hasMore ? page.jobs.count == limit : true))
            if !page.hasMore { return found }
        }
    }

    @Test func `250 jobs of the same second are each listed once, from either end`() throws {
        let jobs = try (0..<250).map { _ in try test.submit().id }
        try test.submit(owner: "other")
        for limit in [7, 50, 100, 250, 251] {
            #expect(try pages(limit, ascending: true) == jobs)
            #expect(try pages(limit, ascending: false) == jobs.reversed())
        }
        #expect(try pages(100, ascending: true, owner: "other").count == 1)
    }

    @Test func `a clock that was set back does not tear the list`() throws {
        let first = try test.submit().id
        test.clock.step(seconds: -100)
        let second = try test.submit().id
        test.clock.step(seconds: 200)
        let third = try test.submit().id
        #expect(try pages(1, ascending: true) == [second, first, third])
        #expect(try pages(1, ascending: false) == [third, first, second])
    }

    @Test func `a page behind a job of nobody or of others is none`() throws {
        let job = try test.submit(owner: "other")
        #expect(try test.store.page(owner: nil, after: JobID(), limit: 5, ascending: true) == nil)
        #expect(try test.store.page(owner: nil, after: job.id, limit: 5, ascending: true) == nil)
        #expect(
            try test.store.page(owner: nil, after: nil, limit: 5, ascending: true) == JobPage(jobs: [], hasMore: false))
    }

    @Test func `the counts are those of the jobs`() throws {
        try test.completed(bytes: 1000)
        try test.completed(bytes: 24)
        try test.submit()
        try test.submit(.sample(webhook: "https://example.org"))
        _ = try test.store.fail(try test.claim(), VideoError(.outOfMemory, "x"), mayRetry: false)
        _ = try test.store.fail(try test.claim(), VideoError(.outOfMemory, "x"), mayRetry: false)
        try test.submit()
        let counts = try test.store.counts()
        #expect(counts.jobs == [.queued: 1, .inProgress: 0, .completed: 2, .failed: 2])
        #expect(counts.outputBytes == 1024 && counts.pendingDeliveries == 1)
        #expect(try test.store.outputs.freeBytes() > 0)
    }
}

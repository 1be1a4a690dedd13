import JobStore
import TestSupport
import TestTools
import Testing
import VideoTypes
import journal_child

@Suite(.bounded) struct QueueTests {
    private let test: TestStore

    init() throws { test = try TestStore() }

    private func submit(_ owner: String?, priority: Int = 0) throws -> JobID {
        try test.submit(.sample(priority: priority), owner: owner).id
    }

    /// Claims and hands in everything, in turn.
    private func drain() throws -> [JobID] {
        var order: [JobID] = []
        while let claim = try test.store.claim(leaseSeconds: 60) {
            order.append(claim.job.id)
            #expect(try test.store.fail(claim, VideoError(.outOfMemory, "x"), mayRetry: false))
        }
        return order
    }

    @Test func `owners take turns, each one's jobs by age`() throws {
        let greedy = try (0..<4).map { _ in try submit("greedy") }
        let modest = try (0..<2).map { _ in try submit("modest") }
        let late = try submit(nil)
        let expected = [greedy[0], modest[0], late, greedy[1], modest[1], greedy[2], greedy[3]]
        #expect(try test.store.queue().map(\.id) == expected)
        #expect(try drain() == expected)
    }

    @Test func `who was just served waits for the others, whenever they came`() throws {
        let greedy = try (0..<3).map { _ in try submit("greedy") }
        let first = try test.claim()
        #expect(first.job.id == greedy[0])
        let late = try submit("late")
        #expect(try test.store.queue().map(\.id) == [late, greedy[1], greedy[2]])
        #expect(try drain() == [late, greedy[1], greedy[2]])
    }

    @Test func `higher priority goes first among an owner's jobs, and never before another's turn`() throws {
        let low = try submit("one", priority: -1)
        let other = try submit("two")
        let high = try submit("one", priority: 5)
        let higher = try submit("one", priority: 100)
        #expect(try drain() == [other, higher, high, low])
        let greedy = try (0..<6).map { _ in try submit("greedy", priority: 100) }
        let modest = try submit("modest", priority: -100)
        #expect(try drain() == [greedy[0], modest] + greedy.dropFirst())
    }

    @Test func `a job that two workers died of comes last`() throws {
        let suspect = try submit("one", priority: 9)
        for _ in 0..<2 { #expect(try test.store.release(try test.claim(), countsAttempt: true)) }
        let (own, other) = (try submit("one"), try submit("two", priority: -3))
        // Its owner has had two turns.
        #expect(try drain() == [other, own, suspect])
    }

    @Test func `a job that was handed back keeps its place by age`() throws {
        let jobs = try (0..<3).map { _ in try submit(nil) }
        #expect(try test.store.release(try test.claim(), countsAttempt: false))
        #expect(try drain() == jobs)
    }

    @Test func `what the queue foretells is what happens`() throws {
        var random = TestRandom(seed: 5)
        for _ in 0..<20 {
            for _ in 0..<random.below(15) {
                let owner = ["a", "b", "c", nil][random.below(4)]
                _ = try submit(owner, priority: random.below(3))
            }
            for _ in 0..<random.below(4) { _ = try test.store.claim(leaseSeconds: 60) }
            let foretold = try test.store.queue().map(\.id)
            if random.below(3) == 0 { #expect(try drain() == foretold) }
        }
    }

    @Test func `many threads get each job once`() async throws {
        let jobs = try Set((0..<120).map { try submit(["a", "b", nil][$0 % 3]) })
        let store = test.store
        let claimed = try await withThrowingTaskGroup(of: [JobID].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var found: [JobID] = []
                    while let claim = try store.claim(leaseSeconds: 60) {
                        found.append(claim.job.id)
                        _ = try store.queue()
                        _ = try store.record(claim, VideoProgress(stage: .load, completed: 0, total: 1))
                        _ = try store.job(claim.job.id)
                    }
                    return found
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(claimed.count == jobs.count && Set(claimed) == jobs)
    }
}

import Foundation
import TestTools
import Testing
import VideoProvider
import VideoTypes

@testable import JobRunner
@testable import JobStore

/// Jobs that go well, are stopped, or are refused.
@Suite(.bounded) struct MakingTests {
    @Test func `jobs are made in order, with the bytes that their settings mean`() throws {
        let shop = try Workshop()
        let ids = try (1...3).map { try shop.submit(seed: $0) }
        for (index, id) in ids.enumerated() {
            let job = try shop.finished(id)
            #expect(job.state == .completed && job.attempt == 1)
            #expect(try shop.bytes(id) == Workshop.expected(seed: UInt64(index + 1)))
        }
        let ends = try ids.map { try shop.store.events(of: $0, after: 0).last?.number ?? 0 }
        #expect(ends == ends.sorted())
        let state = shop.runner.state
        #expect(state.worker == .warm && state.isHealthy && state.restarts == 0 && state.facts?.model == "fake")
    }

    @Test func `progress of every step is in the journal`() throws {
        let shop = try Workshop()
        let id = try shop.submit(seed: 1, steps: 3, "fake:step=0.02")
        _ = try shop.finished(id)
        #expect(try shop.steps(id).count == 4)
    }

    @Test func `a running job stops when it is cancelled, and the worker goes on with the next`() throws {
        let shop = try Workshop()
        let long = try shop.submit(seed: 1, steps: 10_000, "fake:step=0.02")
        let next = try shop.submit(seed: 2)
        _ = try shop.wait(long) { $0.progress?.stage == .denoise && ($0.progress?.completed ?? 0) >= 4 }
        #expect(shop.runner.state.running == long)
        guard case .cancelled(let job, runningAttempt: 1) = try shop.runner.cancel(long) else {
            Issue.record("not cancelled")
            return
        }
        #expect(job.state == .failed && job.error?.code == .cancelled)
        #expect(try shop.finished(next).state == .completed)
        #expect(shop.runner.state.restarts == 0)
        #expect(!FileManager.default.fileExists(atPath: shop.store.outputs.checkpointPath(long)))
        #expect(try shop.job(long).state == .failed)
    }

    @Test func `a queued job that is cancelled is never begun`() throws {
        let shop = try Workshop()
        let first = try shop.submit(seed: 1, "fake:held")
        let second = try shop.submit(seed: 2)
        _ = try shop.runner.cancel(second)
        let third = try shop.submit(seed: 3)
        shop.letPass(.max)
        #expect(try shop.finished(third).state == .completed)
        #expect(try shop.job(first).state == .completed)
        #expect(try shop.job(second).attempt == 0)
    }

    @Test func `a running job that is deleted is gone, and so are its files`() throws {
        let shop = try Workshop()
        let long = try shop.submit(seed: 1, steps: 10_000, "fake:step=0.02")
        _ = try shop.wait(long) { ($0.progress?.completed ?? 0) >= 4 }
        _ = try shop.runner.delete(long)
        #expect(try shop.finished(shop.submit(seed: 2)).state == .completed)
        #expect(try shop.store.job(long) == nil)
        #expect(!FileManager.default.fileExists(atPath: shop.store.outputs.checkpointPath(long)))
    }

    @Test func `a worker that does not stop when told is killed`() throws {
        let shop = try Workshop { options in
            // No worker that is well takes so long to begin, on whatever machine.
            options.silenceFloorSeconds = 8
        }
        _ = try shop.finished(shop.submit(seed: 1))
        let stuck = try shop.submit(seed: 2, "fake:hang@2")
        _ = try shop.wait(stuck) { $0.progress?.stage == .denoise && $0.progress?.completed == 1 }
        _ = try shop.runner.cancel(stuck)
        #expect(try shop.finished(shop.submit(seed: 3)).state == .completed)
        #expect(shop.runner.state.restarts == 1)
        #expect(try shop.job(stuck).error?.code == .cancelled)
    }

    @Test func `a job that outlasts its lease keeps it`() throws {
        // Longer than a service that is well is ever kept from renewing it on a machine at work.
        let shop = try Workshop { $0.leaseSeconds = 5 }
        let job = try shop.finished(shop.submit(seed: 1, steps: 60, "fake:step=0.1"))
        #expect(job.state == .completed && job.attempt == 1, "\(shop.told)")
    }

    @Test func `a job that the journal no longer knows is stopped even if nobody says so`() throws {
        let shop = try Workshop()
        let lost = try shop.submit(seed: 1, steps: 10_000, "fake:step=0.02")
        _ = try shop.wait(lost) { ($0.progress?.completed ?? 0) >= 3 }
        _ = try shop.store.delete(lost)
        #expect(try shop.finished(shop.submit(seed: 2)).state == .completed)
        #expect(shop.runner.state.restarts == 0)
    }

    // MARK: admission

    private static let plan = FakePlan.plan(seed: 9)

    private func refusal(_ shop: Workshop) throws -> Refusal? {
        guard case .refuse(let refusal) = try shop.runner.admission(Self.plan) else { return nil }
        return refusal
    }

    @Test func `a full queue says when there will be room`() throws {
        let shop = try Workshop { $0.maxQueued = 2 }
        // Teaches the model how long a step takes.
        _ = try shop.finished(shop.submit(seed: 1, steps: 10, "fake:step=0.02"))
        let running = try shop.submit(seed: 2, steps: 10_000, "fake:step=0.02")
        _ = try shop.wait(running) { ($0.progress?.completed ?? 0) >= 3 }
        #expect(try refusal(shop) == nil)
        for seed in 3...4 { _ = try shop.submit(seed: UInt64(seed)) }
        let refusal = try #require(try refusal(shop))
        #expect(refusal.reason == .queueFull)
        // The truth is near 200 seconds; a busy machine makes steps longer, never shorter.
        #expect(refusal.retryAfterSeconds > 100, "\(refusal)")
        guard case .refused(let again) = try shop.runner.submit(FakePlan.order(seed: 5), owner: nil) else {
            Issue.record("taken")
            return
        }
        #expect(again.reason == .queueFull)
        #expect(shop.runner.state.queued == 2)
    }

    @Test func `a queue that would take too long takes no more`() throws {
        let shop = try Workshop { $0.maxQueuedSeconds = 5 }
        let running = try shop.submit(seed: 2, steps: 10_000, "fake:step=0.02")
        _ = try shop.wait(running) { ($0.progress?.completed ?? 0) >= 3 }
        let refusal = try #require(try refusal(shop))
        #expect(refusal.reason == .queueTooLong && refusal.retryAfterSeconds > 100, "\(refusal)")
    }

    @Test func `the disk's reserve is kept`() throws {
        let shop = try Workshop(starts: false) { $0.reserveBytes = .max }
        #expect(try refusal(shop)?.reason == .diskReserve)
    }

    @Test func `whoever stops takes nothing new`() throws {
        let shop = try Workshop()
        shop.runner.drain(seconds: 30)
        #expect(try refusal(shop)?.reason == .draining)
        #expect(shop.runner.state.isDraining)
        shop.runner.join()
        #expect(shop.runner.state.worker == .stopped)
    }

    @Test func `every refusal has its words`() {
        let messages = Refusal.Reason.allCases.map { Refusal(reason: $0, retryAfterSeconds: 1).message }
        #expect(Set(messages).count == messages.count)
    }

    // MARK: foresight

    @Test func `what was made teaches what the next will take`() throws {
        let shop = try Workshop()
        for seed in 1...3 { _ = try shop.finished(shop.submit(seed: UInt64(seed), steps: 20, "fake:step=0.02")) }
        let plan = FakePlan.plan(seed: 9, steps: 20)
        // The engine that pretends reports just what its steps were told to take.
        let time = shop.runner.clipTime(for: plan)
        #expect(abs(time.p50 - 0.4) < 0.1, "\(time)")
        #expect(try shop.store.samples().values.first?.count == 3)
        let running = try shop.submit(seed: 4, steps: 10_000, "fake:step=0.02")
        _ = try shop.wait(running) { ($0.progress?.completed ?? 0) >= 3 }
        let next = try shop.submit(seed: 5, steps: 20)
        let place = try #require(try shop.runner.place(of: next))
        #expect(place.position == 1 && place.estimate.queueSeconds > 100)
        #expect(place.estimate.p50 - place.estimate.queueSeconds > 0.3)
        #expect(place.estimate.p90 >= place.estimate.p50)
        #expect(try shop.runner.place(of: running)?.position == 0)
        let estimate = try shop.runner.estimate(for: plan)
        #expect(estimate.queueSeconds >= place.estimate.queueSeconds)
        _ = try shop.runner.cancel(running)
        #expect(try shop.finished(next).state == .completed)
        // The journal knows a moment before the runner does.
        #expect(shop.wait { $0.running == nil }.running == nil)
        #expect(try shop.runner.place(of: next) == nil)
    }
}

import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes
import journal_child

@testable import JobStore

@Suite(.bounded) struct HousekeepingTests {
    private let test: TestStore

    init() throws { test = try TestStore() }

    @Test func `files go when their time is up, rows a month after the job's end`() throws {
        var short = JobOrder.sample()
        short.expiresAfterSeconds = 100
        let job = try test.completed(order: short)
        let other = try test.completed()
        test.clock.pass(seconds: 99)
        #expect(try test.store.sweep() == Sweep())
        test.clock.pass(seconds: 1)
        #expect(try test.store.sweep().expired == [job.id])
        #expect(try test.files("outputs") == ["\(other.id).mp4"])
        let expired = try test.state(job.id)
        #expect(expired.state == .completed && expired.isFileGone && expired.output == job.output)
        #expect(try test.store.outputs.open(job.id) == nil)
        test.clock.pass(seconds: 30 * 86400)
        #expect(try test.store.sweep().expired == [other.id])
        #expect(try test.store.job(job.id) == nil)
    }

    @Test func `a clip whose time is over is not given out, whether or not it was cleared away`() throws {
        var short = JobOrder.sample()
        short.expiresAfterSeconds = 100
        let job = try test.completed(order: short)
        test.clock.pass(seconds: 99)
        guard case .file(let file) = try test.store.clip(of: job) else { throw TestFailure("no file") }
        #expect(try bytes(of: file) == [UInt8](repeating: 7, count: 4))
        #expect(try test.store.settled(job) == job)
        test.clock.pass(seconds: 1)
        #expect(try test.store.clip(of: job) == .expired)
        #expect(try test.store.settled(job).isFileGone && test.files("outputs").count == 1)
    }

    @Test func `a clock that starts in another year deletes nothing until it has run for a while`() throws {
        var short = JobOrder.sample()
        short.expiresAfterSeconds = 100
        let (folder, clock) = (test.folder, test.clock)
        let other = folder.file("state2")
        let job = try {
            let store = try JobStore(folder: other, clock: clock.storeClock)
            guard case .created(let job) = try store.submit(short, owner: nil) else { throw TestFailure("") }
            let claim = try #require(try store.claim(leaseSeconds: 60))
            _ = FileManager.default.createFile(atPath: store.outputs.partPath(claim), contents: Data("clip".utf8))
            #expect(try store.complete(claim, .sample()))
            return job
        }()
        clock.step(seconds: 73 * 365 * 86_400)
        do {
            let store = try JobStore(folder: other, clock: clock.storeClock)
            #expect(try store.recover() == Recovery() && store.sweep() == Sweep())
            clock.pass(seconds: 600)
            #expect(try store.sweep() == Sweep())
            // A time server is heard of: the clock is set, and has to run again.
            clock.step(seconds: -73 * 365 * 86_400)
            #expect(try store.sweep() == Sweep())
            clock.pass(seconds: 899)
            #expect(try store.sweep() == Sweep())
            clock.pass(seconds: 1)
            #expect(try store.sweep().expired == [job.id])
        }
    }

    @Test func `a clock that is set while the service runs deletes nothing either, but the quota holds`() throws {
        let jobs = try (0..<2).map { _ in try test.completed(bytes: 10).id }
        #expect(try test.store.sweep() == Sweep())
        test.clock.step(seconds: 1000 * 86_400)
        #expect(try test.store.sweep() == Sweep())
        #expect(try test.store.sweep(quotaBytes: 10).evicted == [jobs[0]])
        #expect(try test.store.job(jobs[0]) != nil)
        test.clock.pass(seconds: 900)
        #expect(try test.store.sweep().expired == [jobs[1]])
    }

    @Test func `unfinished jobs never expire`() throws {
        let job = try test.submit()
        test.clock.pass(seconds: 100 * 86400)
        #expect(try test.store.sweep(quotaBytes: 0) == Sweep())
        #expect(try test.state(job.id).state == .queued)
        let claim = try test.claim()
        test.clock.pass(seconds: 100 * 86400)
        #expect(try test.store.sweep(quotaBytes: 0) == Sweep())
        #expect(try test.store.renew(claim, leaseSeconds: 60))
    }

    @Test func `the quota takes the longest finished files, and never the newest`() throws {
        let jobs = try [400, 100, 300, 200].map { bytes in
            test.clock.pass(seconds: 1)
            return try test.completed(bytes: bytes).id
        }
        #expect(try test.store.sweep(quotaBytes: 1000) == Sweep())
        #expect(try test.store.sweep(quotaBytes: 700).evicted == [jobs[0]])
        #expect(try test.store.sweep(quotaBytes: 599).evicted == [jobs[1]])
        #expect(try test.store.counts().outputBytes == 500)
        #expect(try test.store.sweep(quotaBytes: 0).evicted == [jobs[2]])
        #expect(try test.store.sweep(quotaBytes: -1).evicted.isEmpty)
        #expect(try test.files("outputs") == ["\(jobs[3]).mp4"])
    }

    @Test func `an absurd time to live is for ever`() throws {
        var order = JobOrder.sample()
        order.expiresAfterSeconds = .max
        #expect(try test.completed(order: order).expiresAt == .max)
        order.expiresAfterSeconds = .min
        let job = try test.completed(order: order)
        #expect(job.expiresAt == job.finishedAt)
    }

    @Test func `a finished clip can be read, even while it is deleted`() throws {
        let job = try test.completed(bytes: 10)
        let file = try #require(try test.store.outputs.open(job.id))
        _ = try test.store.delete(job.id)
        #expect(try bytes(of: file) == [UInt8](repeating: 7, count: 10))
        #expect(try test.store.outputs.open(job.id) == nil)
    }

    @Test func `samples are kept by engine, the newest thousand`() throws {
        let work = JobOrder.sample().work
        for seconds in 0..<1010 {
            try test.store.add(
                TimeSample(work: work, isCold: seconds == 1009, stageSeconds: [.denoise: Double(seconds)]),
                engine: "cpu float32")
        }
        try test.submit()
        let claim = try test.claim()
        try test.write(for: claim)
        let sample = TimeSample(work: work, isCold: false, stageSeconds: [.load: 1])
        #expect(try test.store.complete(claim, .sample(), sample: ("cuda bfloat16", sample)))
        let samples = try test.store.samples(engine: "cpu float32")
        #expect(samples.count == 1000 && samples.last?.isCold == true)
        #expect(samples.first?.stageSeconds == [.denoise: 10])
        #expect(try test.store.samples() == ["cpu float32": samples, "cuda bfloat16": [sample]])
        #expect(try test.store.samples(engine: "none").isEmpty)
        // Beside the store that is open; and where there is none, nothing is made.
        #expect(JobStore.samples(in: test.folder.file("state"), engine: "cpu float32") == samples)
        #expect(JobStore.samples(in: test.folder.file("state"), engine: "none").isEmpty)
        #expect(JobStore.samples(in: test.folder.file("absent"), engine: "cpu float32").isEmpty)
        #expect(JobStore.samples(in: test.folder.path, engine: "cpu float32").isEmpty)
        #expect(try test.folder.names == ["state"])
    }
}

@Suite(.bounded) struct WebhookTests {
    private let test: TestStore
    private let order = JobOrder.sample(webhook: "https://example.org/hook")

    init() throws { test = try TestStore() }

    @Test func `every end of a job that names a webhook is to be told`() throws {
        try test.completed()
        let done = try test.completed(order: order)
        let cancelled = try test.submit(order)
        _ = try test.store.cancel(cancelled.id)
        let failed = try test.submit(order)
        let claim = try test.claim()
        #expect(try test.store.dueDeliveries(limit: 10).count == 2)
        _ = try test.store.fail(claim, VideoError(.deviceLost, "gone"), mayRetry: false)
        let due = try test.store.dueDeliveries(limit: 10)
        #expect(due.map(\.job) == [done.id, cancelled.id, failed.id])
        #expect(due.map(\.kind) == [.completed, .failed, .failed])
        #expect(due.allSatisfy { $0.url == order.webhook && $0.tries == 0 && $0.messageID.hasPrefix("msg_") })
        #expect(Set(due.map(\.messageID)).count == 3)
        #expect(try test.store.dueDeliveries(limit: 1).count == 1)
    }

    @Test func `a delivery is tried again later under the same name until it is done`() throws {
        try test.completed(order: order)
        let first = try #require(try test.store.dueDeliveries(limit: 10).first)
        try test.store.retry(first, afterSeconds: 60)
        test.clock.pass(seconds: 59)
        #expect(try test.store.dueDeliveries(limit: 10).isEmpty)
        test.clock.pass(seconds: 1)
        let second = try #require(try test.store.dueDeliveries(limit: 10).first)
        #expect(second.messageID == first.messageID && second.tries == 1)
        try test.store.delivered(second)
        #expect(try test.store.counts().pendingDeliveries == 0)
        try test.completed(order: order)
        try test.store.giveUp(try #require(try test.store.dueDeliveries(limit: 10).first))
        #expect(try test.store.counts().pendingDeliveries == 0)
    }

    @Test func `a clock that was set back does not silence the deliveries`() throws {
        try test.completed(order: order)
        test.clock.step(seconds: -10 * 86400)
        #expect(try test.store.dueDeliveries(limit: 10).count == 1)
    }
}

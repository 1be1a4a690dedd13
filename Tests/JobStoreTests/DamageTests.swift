import Foundation
import JobStore
import TestSupport
import TestTools
import Testing
import VideoTypes
import journal_child

/// A journal that something else has written to: whatever it holds, no call may trap.
@Suite(.bounded) struct DamageTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(inMemory: true) }

    private var state: String { folder.file("state") }
    private var journal: URL { URL(fileURLWithPath: state + "/jobs.db") }

    /// A journal with something in every table.
    private func fill() throws -> [JobID] {
        let test = try TestStore(folder)
        let done = try test.completed(order: .sample(webhook: "https://example.org"))
        let failed = try test.submit(owner: "one")
        let claim = try test.claim()
        _ = try test.store.record(claim, VideoProgress(stage: .denoise, completed: 1, total: 2))
        _ = try test.store.fail(claim, VideoError(.outOfMemory, "x", hint: "y"), mayRetry: false)
        try test.store.add(TimeSample(work: done.order.work, isCold: true, stageSeconds: [:]), engine: "cpu")
        _ = try test.store.submit(.sample("b"), owner: nil, idempotencyKey: "k")
        let running = try test.claim().job
        try test.submit(.sample("c"), owner: "two")
        return [done.id, failed.id, running.id]
    }

    /// Calls everything; answers whether all of it went well.
    private func useAll(_ jobs: [JobID]) -> Bool {
        var isFine = true
        func attempt(_ body: () throws(StoreError) -> Void) {
            do throws(StoreError) { try body() } catch {
                isFine = false
                _ = error.videoError
            }
        }
        attempt { () throws(StoreError) in
            let store = try JobStore(folder: state)
            attempt { () throws(StoreError) in _ = try store.recover() }
            for id in jobs {
                attempt { () throws(StoreError) in _ = try store.job(id) }
                attempt { () throws(StoreError) in _ = try store.events(of: id, after: 0) }
                attempt { () throws(StoreError) in _ = try store.outputs.open(id) }
            }
            attempt { () throws(StoreError) in _ = try store.page(owner: nil, after: nil, limit: 9, ascending: true) }
            attempt { () throws(StoreError) in _ = try store.queue() }
            attempt { () throws(StoreError) in _ = try store.counts() }
            attempt { () throws(StoreError) in _ = try store.samples() }
            attempt { () throws(StoreError) in _ = try store.dueDeliveries(limit: 9) }
            attempt { () throws(StoreError) in _ = try store.events(after: 0) }
            attempt { () throws(StoreError) in
                while let claim = try store.claim(leaseSeconds: 60) {
                    _ = try store.release(claim, countsAttempt: true)
                }
            }
            attempt { () throws(StoreError) in
                _ = try store.submit(.sample("b"), owner: nil, idempotencyKey: "k", isRetry: true)
            }
            for id in jobs { attempt { () throws(StoreError) in _ = try store.cancel(id) } }
            attempt { () throws(StoreError) in _ = try store.sweep(quotaBytes: 0) }
            for id in jobs { attempt { () throws(StoreError) in _ = try store.delete(id) } }
        }
        return isFine
    }

    /// 300 damaged files; WAN_MUTATIONS sets another number.
    @Test func `bytes changed, cut off or put in are errors, not crashes`() throws {
        let jobs = try fill()
        let count = ProcessInfo.processInfo.environment["WAN_MUTATIONS"].flatMap(Int.init) ?? 300
        let good = [UInt8](try Data(contentsOf: journal))
        #expect(useAll(jobs))
        var random = TestRandom(seed: 3)
        var refused = 0
        for _ in 0..<count {
            try? FileManager.default.removeItem(atPath: state + "/jobs.db-wal")
            try? FileManager.default.removeItem(atPath: state + "/jobs.db-shm")
            try Data(mutated(good, &random)).write(to: journal)
            if !useAll(jobs) { refused += 1 }
        }
        print("\(refused) of \(count) damaged journals were refused in part or whole")
        #expect(refused > count / 10)
    }

    private func mutated(_ good: [UInt8], _ random: inout TestRandom) -> [UInt8] {
        var bytes = good
        switch random.below(6) {
        case 0: bytes.removeLast(random.below(bytes.count))
        case 1: bytes.append(contentsOf: (0..<random.below(9000)).map { UInt8(truncatingIfNeeded: $0) })
        case 2:
            // A page for another.
            let (from, to) = (random.below(bytes.count / 4096), random.below(bytes.count / 4096))
            bytes.replaceSubrange(to * 4096..<(to + 1) * 4096, with: good[from * 4096..<(from + 1) * 4096])
        case 3:
            // What we wrote ourselves: letters and digits of rows.
            for _ in 0..<20 {
                let place = random.below(bytes.count)
                if bytes[place] >= 48, bytes[place] < 127 { bytes[place] = UInt8(33 + random.below(94)) }
            }
        default:
            for _ in 0...random.below(8) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
        }
        return bytes
    }

    @Test func `a damaged log of changes is no crash either`() throws {
        let jobs: [JobID]
        let log: [UInt8]
        do {
            let test = try TestStore(folder)
            jobs = try (0..<5).map { _ in try test.submit().id }
            // While it is open, what was written last is in the log alone.
            log = [UInt8](try Data(contentsOf: URL(fileURLWithPath: state + "/jobs.db-wal")))
        }
        let good = try Data(contentsOf: journal)
        var random = TestRandom(seed: 4)
        for _ in 0..<100 {
            var bytes = log
            for _ in 0...random.below(8) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            if random.below(3) == 0 { bytes.removeLast(random.below(bytes.count)) }
            try? FileManager.default.removeItem(atPath: state + "/jobs.db-shm")
            try good.write(to: journal)
            try Data(bytes).write(to: URL(fileURLWithPath: state + "/jobs.db-wal"))
            _ = useAll(jobs)
        }
    }

    @Test func `other people's files are left alone`() throws {
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
        let text = Data(
            "my notes, by no means a journal, but long enough to have a head of a hundred bytes, it seems".utf8)
        try (text + text).write(to: journal)
        #expect(throws: StoreError.self) { try JobStore(folder: state) }
        #expect(try Data(contentsOf: journal) == text + text)
        #expect(try FileManager.default.contentsOfDirectory(atPath: state) == ["jobs.db"])
    }

    @Test func `a job that cannot be read fails, and the others go on`() throws {
        let (bad, good) = try {
            let test = try TestStore(folder)
            return (try test.submit(.sample("BADBADBAD")).id, try test.submit().id)
        }()
        var bytes = [UInt8](try Data(contentsOf: journal))
        let word = Array(#""prompt":"BADBADBAD""#.utf8)
        let place = try #require(bytes.indices.dropLast(word.count).first { bytes[$0...].starts(with: word) })
        bytes[place] = UInt8(ascii: "{")
        try Data(bytes).write(to: journal)
        let store = try JobStore(folder: state)
        #expect(throws: StoreError.self) { try store.job(bad) }
        // Found out at the claim, or at the start before it.
        #expect(try store.claim(leaseSeconds: 60)?.job.id == good)
        #expect(try store.events(of: bad, after: 0).last?.kind == .failed)
    }

    @Test func `a row that cannot be read stops neither the start nor the list`() throws {
        let jobs = try { () throws in
            let test = try TestStore(folder)
            return try (0..<3).map { _ in try test.completed().id } + [test.submit().id]
        }()
        try change("UPDATE job SET report = '{}' WHERE id = '\(jobs[0])'")
        try change("UPDATE job SET what = '{}' WHERE id = '\(jobs[1])'")
        try change("UPDATE job SET error = 'x', state = 'failed' WHERE id = '\(jobs[3])'")
        let store = try JobStore(folder: state)
        #expect(try store.recover().lost.isEmpty)
        // The clip is worth more than what is told of it.
        let job = try #require(try store.job(jobs[0]))
        #expect(job.state == .completed && job.report == nil)
        guard case .file(let file) = try store.clip(of: job) else { throw TestFailure("no file") }
        #expect(try bytes(of: file).count == 4)
        #expect(throws: StoreError.self) { try store.job(jobs[1]) }
        let page = try #require(try store.page(owner: nil, after: nil, limit: 10, ascending: true))
        #expect(page.jobs.map(\.id) == [jobs[0], jobs[2], jobs[3]] && !page.hasMore)
        #expect(page.jobs.last?.error?.code == .internalError)
    }

    /// As somebody with another program would.
    private func change(_ sql: String) throws {
        let python = try #require(Subprocess.find("python3"))
        let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
        let change = try Subprocess(python, ["-c", script, journal.path, sql])
        #expect(change.status == 0, "\(change.errors)")
    }

    @Test func `a newer journal is not touched`() throws {
        _ = try fill()
        var bytes = [UInt8](try Data(contentsOf: journal))
        // The user version, in the head of the file.
        bytes[63] = 3
        try Data(bytes).write(to: journal)
        #expect(throws: StoreError.newerSchema(found: 3, known: 2)) { try JobStore(folder: state) }
    }
}

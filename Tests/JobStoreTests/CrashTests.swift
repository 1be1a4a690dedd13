import Foundation
import JobStore
import TestSupport
import TestTools
import Testing
import VideoTypes
import journal_child

/// A process with a journal is killed; the next one must find all that was said to be on the disk.
@Suite(.bounded(minutes: 20)) struct CrashTests {
    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("journal-child")

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(inMemory: true) }

    private var state: String { folder.file("state") }

    /// What a child said, by its words.
    private struct Account {
        var submitted: [JobID] = []
        var completed: [JobID] = []
        var cancelled: [JobID] = []

        mutating func read(_ text: String) {
            // A last line without its end was not said.
            for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
                let words = line.split(separator: " ")
                guard words.count == 2, let id = JobID(String(words[1])) else { continue }
                switch words[0] {
                case "submitted": submitted.append(id)
                case "completed": completed.append(id)
                default: cancelled.append(id)
                }
            }
        }
    }

    /// Runs a child to its end, or kills it so long after it said something; its status and what it said.
    private func run(
        _ word: String, environment: [String: String] = [:], killAfter: Duration? = nil, said: String = "\n"
    ) async throws -> (status: Int32, text: String) {
        let output = folder.file("said")
        _ = FileManager.default.createFile(atPath: output, contents: nil)
        let process = Process()
        process.executableURL = Self.program
        process.arguments = [word, state]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle.nullDevice
        try process.run()
        if let killAfter {
            while process.isRunning, try !String(contentsOfFile: output, encoding: .utf8).contains(said) {
                try await Task.sleep(for: .milliseconds(2))
            }
            try await Task.sleep(for: killAfter)
            kill(process.processIdentifier, SIGKILL)
        }
        process.waitUntilExit()
        return (process.terminationStatus, try String(contentsOfFile: output, encoding: .utf8))
    }

    /// 25 kills; WAN_KILLS sets another number.
    @Test func `whatever was acknowledged survives kill -9`() async throws {
        let kills = ProcessInfo.processInfo.environment["WAN_KILLS"].flatMap(Int.init) ?? 25
        var account = Account()
        var random = TestRandom(seed: 11)
        for round in 0..<kills {
            // Half of them when something is finished, however slow the machine is.
            let said = round.isMultiple(of: 2) ? "completed" : "\n"
            account.read(try await run("churn", killAfter: .milliseconds(5 + random.below(80)), said: said).text)
            let store = try JobStore(folder: state)
            let recovery = try store.recover()
            #expect(recovery.lost.isEmpty && recovery.quarantined.isEmpty)
        }
        let store = try JobStore(folder: state)
        try check(account, store)
        print(
            "\(kills) kills: \(account.submitted.count) jobs acknowledged, \(account.completed.count) completed,",
            "\(account.cancelled.count) cancelled, 0 lost")
        #expect(!account.submitted.isEmpty && account.completed.count >= kills / 2)
    }

    private func check(_ account: Account, _ store: JobStore) throws {
        for id in account.submitted { #expect(try store.job(id) != nil) }
        for id in account.completed { #expect(try store.job(id)?.state == .completed) }
        for id in account.cancelled { #expect(try store.job(id)?.error?.code == .cancelled) }
        var ends: [JobID: Int] = [:]
        var last = 0
        while let events = try? store.events(after: last), let newest = events.last {
            for event in events where event.kind == .completed || event.kind == .failed {
                ends[event.job, default: 0] += 1
            }
            last = newest.number
        }
        // Nothing is done twice.
        #expect(ends.values.allSatisfy { $0 == 1 })
    }

    @Test(arguments: [
        (FailPoint.afterInsert, Job.State.queued), (.afterClaim, .queued), (.beforeRename, .completed),
        (.afterRename, .completed), (.beforeCommit, .completed), (.afterCommit, .completed),
    ])
    func `a crash at a fail point costs no more than the running attempt`(
        point: FailPoint, state expected: Job.State
    ) async throws {
        let (status, _) = try await run("once", environment: ["WAN_FAILPOINT": point.rawValue])
        #expect(status == FailPoint.exitStatus)
        let store = try JobStore(folder: state)
        let recovery = try store.recover()
        let jobs =
            try #require(try store.page(owner: nil, after: nil, limit: 10, ascending: true)).jobs
            + ["key 0", "key 1", "key 2"].flatMap {
                try store.page(owner: $0, after: nil, limit: 10, ascending: true)?.jobs ?? []
            }
        let job = try #require(jobs.first)
        #expect(jobs.count == 1 && job.state == expected)
        #expect(recovery.lost.isEmpty && recovery.quarantined.isEmpty)
        let names = try FileManager.default.contentsOfDirectory(atPath: state + "/outputs")
        #expect(names == (expected == .completed ? ["\(job.id).mp4"] : []))
        #expect(try FileManager.default.contentsOfDirectory(atPath: state + "/parts").isEmpty)
        if expected == .completed {
            #expect(job.report == .sample() && job.output?.byteCount == 20_000 && job.attempt == 1)
            #expect(recovery.completed == (point == .afterCommit ? [] : [job.id]))
            #expect(try store.events(of: job.id, after: 0).map(\.kind).suffix(2) == [.progress, .completed])
        }
    }

    @Test func `a fail point can be told to wait`() async throws {
        let (status, text) = try await run("churn", environment: ["WAN_FAILPOINT": "after_commit:3"])
        #expect(status == FailPoint.exitStatus)
        var account = Account()
        account.read(text)
        #expect(account.completed.count == 2)
        #expect(try JobStore(folder: state).counts().jobs[.completed] == 3)
    }
}

import Crypto
import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import JobStore
@testable import fake_service

/// Whoever submits jobs and keeps asking until they are stored: what a job is to become, and what became of it.
struct Clients {
    let count: Int
    private let steps: Int
    private let prompt: String
    /// By job: what the service called it.
    private var names: [Int: String] = [:]
    /// Clips repeat, or making what is expected would take longer than the test.
    private static let seeds = 10

    /// - Parameter pause: seconds that each step takes.
    init(count: Int, steps: Int, pause: Double) {
        self.count = count
        self.steps = steps
        prompt = "fake:step=\(pause)"
    }

    private var unanswered: [Int] { (0..<count).filter { names[$0] == nil } }

    /// Sends some of the jobs that nobody has answered for; without reading the answers where `isHasty`.
    mutating func submit(_ most: Int, to process: QueueProcess, isHasty: Bool = false) {
        for index in unanswered.prefix(most) {
            guard process.send("submit key\(index) \(index % Self.seeds) \(steps) \(prompt)"), !isHasty else {
                continue
            }
            guard let answer = process.line() else { return }
            note(answer)
        }
    }

    mutating func submitAll(to process: QueueProcess) { submit(count, to: process) }

    /// Takes in "stored KEY ID".
    private mutating func note(_ answer: String) {
        let words = answer.split(separator: " ").map(String.init)
        guard words.count == 3, words[0] == "stored", let index = Int(words[1].dropFirst("key".count)) else {
            Issue.record("unexpected answer: \(answer)")
            return
        }
        #expect(names[index] == nil || names[index] == words[2])
        names[index] = words[2]
    }

    func waitForAll(_ process: QueueProcess) throws {
        let isDone = try grows(to: count) {
            let counts = try #require(process.counts())
            try #require(counts.failed == 0, "not all jobs were completed")
            return counts.completed
        }
        #expect(isDone, "not all jobs were completed")
    }

    /// Looks at all that is left; the attempts that it took.
    @discardableResult
    func expectWhole(_ folder: TemporaryFolder) throws -> Int {
        let store = try JobStore(folder: folder.path)
        let recovery = try store.recover()
        #expect(recovery == Recovery())
        var digests: [Int: String] = [:]
        for seed in 0..<min(Self.seeds, count) {
            digests[seed] = try SHA256.hex(Array(Workshop.expected(seed: UInt64(seed), steps: steps, prompt)))
        }
        var attempts = 0
        #expect(Set(names.values).count == count)
        for (index, name) in names {
            let job = try #require(try JobID(name).flatMap { try store.job($0) })
            #expect(job.state == .completed, "\(name): \(job.error?.message ?? "")")
            #expect(job.order.plan?.settings.sampling.seed == UInt64(index % Self.seeds))
            let bytes = try Data(contentsOf: URL(fileURLWithPath: store.outputs.path(job.id)))
            #expect(try SHA256.hex(Array(bytes)) == digests[index % Self.seeds])
            #expect(job.output?.sha256 == digests[index % Self.seeds])
            let ends = try store.events(of: job.id, after: 0).filter { $0.kind == .completed || $0.kind == .failed }
            #expect(ends.count == 1)
            attempts += job.attempt
        }
        #expect(try store.counts().jobs[.completed] == count)
        #expect(try store.counts().jobs.values.reduce(0, +) == count)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("outputs")).count == count)
        for name in ["parts", "checkpoints", "quarantine"] {
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file(name)).isEmpty, "\(name)")
        }
        return attempts
    }
}

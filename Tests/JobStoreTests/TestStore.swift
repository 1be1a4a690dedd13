import Foundation
import JobStore
import Synchronization
import TestSupport
import VideoTypes
import journal_child

/// A journal in a folder of its own, with clocks that a test sets.
final class TestStore: Sendable {
    let folder: TemporaryFolder
    let clock: TestClock
    let store: JobStore

    init(_ folder: TemporaryFolder? = nil, _ clock: TestClock = TestClock()) throws {
        self.folder = try folder ?? TemporaryFolder()
        self.clock = clock
        store = try JobStore(folder: self.folder.file("state"), clock: clock.storeClock)
    }

    /// Enters a job that nobody has entered before.
    @discardableResult
    func submit(_ order: JobOrder = .sample(), owner: String? = nil) throws -> Job {
        guard case .created(let job) = try store.submit(order, owner: owner) else { throw TestFailure("not created") }
        return job
    }

    func claim() throws -> Claim {
        guard let claim = try store.claim(leaseSeconds: 60) else { throw TestFailure("nothing to claim") }
        return claim
    }

    /// Writes the clip of an attempt.
    func write(_ bytes: [UInt8] = Array("clip".utf8), for claim: Claim) throws {
        try Data(bytes).write(to: URL(filePath: store.outputs.partPath(claim)))
    }

    /// Makes a job that is completed, with a file of so many bytes.
    @discardableResult
    func completed(bytes: Int = 4, order: JobOrder = .sample(), owner: String? = nil) throws -> Job {
        let job = try submit(order, owner: owner)
        let claim = try claim()
        try write([UInt8](repeating: 7, count: bytes), for: claim)
        guard claim.job.id == job.id, try store.complete(claim, .sample()) else { throw TestFailure("not completed") }
        return try state(job.id)
    }

    func state(_ id: JobID) throws -> Job {
        guard let job = try store.job(id) else { throw TestFailure("no such job") }
        return job
    }

    /// Files of a folder inside the state folder.
    func files(_ name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.file("state/" + name)).sorted()
    }
}

struct TestFailure: Error {
    let text: String

    init(_ text: String) { self.text = text }
}

/// Clocks that stand still until a test moves them.
final class TestClock: Sendable {
    private let times = Mutex((wall: 1_800_000_000, boot: 1000.0))

    var storeClock: StoreClock {
        StoreClock(wall: { self.times.withLock(\.wall) }, boot: { self.times.withLock(\.boot) })
    }

    func pass(seconds: Int) {
        times.withLock {
            $0.wall += seconds
            $0.boot += Double(seconds)
        }
    }

    /// Somebody sets the wall clock.
    func step(seconds: Int) { times.withLock { $0.wall += seconds } }
}

/// All bytes of an open clip, which is closed.
func bytes(of file: OutputFile) throws -> [UInt8] {
    let handle = FileHandle(fileDescriptor: file.descriptor, closeOnDealloc: true)
    return [UInt8](try handle.readToEnd() ?? Data())
}

import Foundation
import Glibc
import JobStore
import VideoTypes

/// A service's journal in a process that a test kills; says on standard output what it was told is on the disk.
@main enum JournalChild {
    static func main() throws {
        guard CommandLine.arguments.count == 3 else { fatalError("journal-child once|churn FOLDER") }
        let store = try JobStore(folder: CommandLine.arguments[2])
        _ = try store.recover()
        say("ready")
        switch CommandLine.arguments[1] {
        case "once":
            try submit(store)
            try work(store)
        case "churn":
            Thread.detachNewThread {
                while (try? submit(store)) != nil {}
            }
            // It must not outlive a test that was itself killed.
            let parent = getppid()
            while getppid() == parent { try work(store) }
        default: fatalError("unknown word")
        }
    }

    private static func submit(_ store: JobStore) throws {
        // As many as wait would only slow the test down.
        guard try store.queue().count < 20 else {
            _ = usleep(1000)
            return
        }
        if case .created(let job) = try store.submit(.sample(), owner: "key \(Int.random(in: 0..<3))") {
            say("submitted \(job.id)")
        }
    }

    /// One job from its claim to one of the ways in which it may end.
    private static func work(_ store: JobStore) throws {
        guard let claim = try store.claim(leaseSeconds: 60) else {
            _ = usleep(1000)
            return
        }
        _ = try store.record(claim, .init(stage: .denoise, completed: 1, total: 16))
        switch claim.job.number % 8 {
        case 6 where claim.attempt == 1:
            _ = try store.release(claim, countsAttempt: false)
        case 7:
            _ = try store.cancel(claim.job.id)
            say("cancelled \(claim.job.id)")
        default:
            let clip = Data((0..<20_000).map { UInt8(truncatingIfNeeded: $0 * claim.job.number) })
            try clip.write(to: URL(fileURLWithPath: store.outputs.partPath(claim)))
            if try store.complete(claim, .sample()) { say("completed \(claim.job.id)") }
        }
    }

    private static func say(_ text: String) {
        let line = Array((text + "\n").utf8)
        unsafe _ = write(STDOUT_FILENO, line, line.count)
    }
}

import Foundation
import Threads

/// Threads that tests may block: more than there are turns, so that what a test starts goes on beside it.
///
/// Swift's own pool has a thread for each core: on two cores two tests that wait would keep it from everything else.
final class TestThreads: TaskExecutor {
    private let jobs = Monitor<[UnownedJob]>([])

    init(count: Int) {
        for _ in 0..<count { Thread.detachNewThread { [self] in work() } }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.change { $0.append(job) }
    }

    private func work() {
        // As the pool's threads do: what is sent to the process is not for a test.
        var signals = sigset_t()
        unsafe sigfillset(&signals)
        for number in [SIGILL, SIGTRAP, SIGFPE, SIGBUS, SIGSEGV, SIGSYS, SIGPROF] {
            unsafe sigdelset(&signals, number)
        }
        unsafe pthread_sigmask(SIG_SETMASK, &signals, nil)
        while true {
            let job = jobs.wait { $0.isEmpty ? nil : $0.removeFirst() }
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
